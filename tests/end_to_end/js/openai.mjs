// npm `openai`: Chat Completions, whole or streamed, with a tool loop.
import OpenAI from "openai";

import { answerSteps, settings, WEATHER, weatherIn } from "./steps.mjs";

const client = new OpenAI({ baseURL: settings.baseUrl, apiKey: settings.apiKey });
const history = settings.system ? [{ role: "system", content: settings.system }] : [];

async function complete(messages, step) {
  const body = { model: settings.model, messages };
  if (step.tools) body.tools = [{ type: "function", function: WEATHER }];
  const options = { headers: step.headers };
  if (!step.stream) return client.chat.completions.create(body, options);
  body.stream_options = { include_usage: true };
  return client.chat.completions.stream(body, options).finalChatCompletion();
}

await answerSteps(async (step) => {
  const messages = step.thin ? [] : history;
  messages.push({ role: "user", content: step.say });
  const calls = [];
  for (;;) {
    const completion = await complete(messages, step);
    const { message } = completion.choices[0];
    if (step.thin) messages.length = 0;
    else messages.push(message);
    if (!message.tool_calls?.length) {
      return { text: message.content, calls, usage: completion.usage };
    }
    for (const call of message.tool_calls) {
      calls.push(call.function.name);
      const content = weatherIn(JSON.parse(call.function.arguments));
      messages.push({ role: "tool", tool_call_id: call.id, content });
    }
  }
});
