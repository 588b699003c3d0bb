// npm `@anthropic-ai/sdk`: Messages, whole or streamed, with a tool loop and thinking.
import Anthropic from "@anthropic-ai/sdk";

import { answerSteps, settings, WEATHER, weatherIn } from "./steps.mjs";

const client = new Anthropic({ baseURL: settings.baseUrl, apiKey: settings.apiKey });
const history = [];

async function create(messages, step) {
  const body = { model: settings.model, max_tokens: 4096, messages };
  if (settings.system) body.system = settings.system;
  if (step.thinking) body.thinking = step.thinking;
  if (step.tools) {
    const { name, description, parameters } = WEATHER;
    body.tools = [{ name, description, input_schema: parameters }];
  }
  const options = { headers: step.headers };
  if (!step.stream) return client.messages.create(body, options);
  return client.messages.stream(body, options).finalMessage();
}

await answerSteps(async (step) => {
  const messages = step.thin ? [] : history;
  messages.push({ role: "user", content: step.say });
  const calls = [];
  const thoughts = [];
  for (;;) {
    const { content, usage } = await create(messages, step);
    if (step.thin) messages.length = 0;
    else messages.push({ role: "assistant", content });
    const wanted = content.filter(({ type }) => type === "tool_use");
    for (const block of content) if (block.type === "thinking") thoughts.push(block.thinking);
    if (wanted.length === 0) {
      const text = content.map((block) => block.text ?? "").join("");
      return { text, calls, thoughts, usage };
    }
    calls.push(...wanted.map(({ name }) => name));
    const results = wanted.map(({ id, input }) => ({
      type: "tool_result",
      tool_use_id: id,
      content: weatherIn(input),
    }));
    messages.push({ role: "user", content: results });
  }
});
