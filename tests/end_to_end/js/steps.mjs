// Reads one step per line from standard input, hands it to a client, prints one line per answer.
//
// A step is {say, stream?, tools?, thinking?, headers?, thin?}; thin sends only what is new, at every
// turn and in a tool loop. The process stays alive between steps, so that a client
// keeps its connections and its history while the server behind it is restarted. Knows no client.
import { createInterface } from "node:readline";

export const WEATHER = {
  name: "get_weather",
  description: "The weather in a city",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
  },
};

export const weatherIn = ({ city }) => `Sunny in ${city}`;

export const settings = JSON.parse(process.argv[2]);

export async function answerSteps(answer) {
  for await (const line of createInterface({ input: process.stdin })) {
    let result;
    try {
      result = await answer(JSON.parse(line));
    } catch (error) {
      result = { error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
}
