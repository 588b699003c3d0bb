// npm `openai`: the Responses API, whole or streamed, with a tool loop, and the Conversations API.
//
// settings.history says who remembers: "client" sends everything that was said, "response" names the
// last answer (previous_response_id), "conversation" names a conversation object. A step with `list`
// asks for the conversation's items instead of saying anything.
import OpenAI from "openai";

import { answerSteps, settings, WEATHER, weatherIn } from "./steps.mjs";

const client = new OpenAI({ baseURL: settings.baseUrl, apiKey: settings.apiKey });
const remembers = { client: resend, response: followOn, conversation: join };
const said = [];
let previous;
let conversation;

function resend(body) {
  said.push(...body.input);
  return { ...body, input: said };
}

function followOn(body) {
  return previous ? { ...body, previous_response_id: previous } : body;
}

async function join(body) {
  conversation ??= (await client.conversations.create({ metadata: { from: "npm" } })).id;
  return { ...body, conversation };
}

async function streamed(body) {
  const stream = client.responses.stream(body);
  let completed;
  for await (const event of stream) {
    if (event.type === "response.completed") completed = event.response;
  }
  const { output_text } = await stream.finalResponse();
  // Its output has fields of the SDK's own (parsed), which the API refuses as input.
  return { ...completed, output_text };
}

async function respond(input, step) {
  const body = await remembers[settings.history]({ model: settings.model, input });
  if (step.tools) body.tools = [{ type: "function", strict: false, ...WEATHER }];
  const response = step.stream ? await streamed(body) : await client.responses.create(body);
  previous = response.id;
  said.push(...response.output);
  return response;
}

async function list() {
  const items = [];
  for await (const item of client.conversations.items.list(conversation, { order: "asc", limit: 3 })) {
    items.push(item);
  }
  return { items };
}

await answerSteps(async (step) => {
  if (step.list) return list();
  let input = [{ role: "user", content: step.say }];
  const calls = [];
  for (;;) {
    const response = await respond(input, step);
    const called = response.output.filter(({ type }) => type === "function_call");
    if (!called.length) return { text: response.output_text, calls, usage: response.usage };
    input = called.map(({ call_id, name, arguments: args }) => {
      calls.push(name);
      return { type: "function_call_output", call_id, output: weatherIn(JSON.parse(args)) };
    });
  }
});
