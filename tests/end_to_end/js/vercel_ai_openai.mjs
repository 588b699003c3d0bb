// npm `ai` with @ai-sdk/openai as it is by default, on the Responses API: generateText and streamText,
// with the SDK's own tool loop.
//
// settings.history says who remembers: "client" sends everything that was said, "response" names the
// last answer (previousResponseId), "conversation" names a conversation object.
import { createOpenAI } from "@ai-sdk/openai";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";

import { answerSteps, settings, WEATHER, weatherIn } from "./steps.mjs";

const { apiKey, baseUrl: baseURL } = settings;
const model = createOpenAI({ baseURL, apiKey })(settings.model);
const said = [];
let previousResponseId;
const weather = tool({
  description: WEATHER.description,
  inputSchema: z.object({ city: z.string() }),
  execute: weatherIn,
});

function requestOf(step) {
  const user = { role: "user", content: step.say };
  if (settings.history === "client") said.push(user);
  const openai = {};
  if (settings.history === "response") openai.previousResponseId = previousResponseId;
  if (settings.history === "conversation") openai.conversation = settings.conversation;
  if (step.thinking) openai.reasoningEffort = "medium";
  if (step.include) openai.include = step.include;
  if (step.store !== undefined) openai.store = step.store;
  return {
    model,
    messages: settings.history === "client" ? said : [user],
    instructions: settings.system,
    stopWhen: isStepCount(5),
    tools: step.tools ? { [WEATHER.name]: weather } : undefined,
    providerOptions: { openai },
  };
}

await answerSteps(async (step) => {
  const request = requestOf(step);
  // streamText reports a failed request to onError alone; its promises say only "no output".
  let failure;
  const result = step.stream
    ? streamText({ ...request, onError: ({ error }) => (failure = error) })
    : await generateText(request);
  try {
    const steps = await result.steps;
    said.push(...(await result.responseMessages));
    previousResponseId = (await result.providerMetadata).openai.responseId;
    return {
      text: await result.text,
      calls: steps.flatMap(({ toolCalls }) => toolCalls.map(({ toolName }) => toolName)),
      usage: await result.usage,
    };
  } catch (error) {
    throw failure ?? error;
  }
});
