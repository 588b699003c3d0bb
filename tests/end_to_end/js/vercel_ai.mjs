// npm `ai`, with @ai-sdk/openai-compatible or @ai-sdk/anthropic as its provider: generateText and
// streamText, with the SDK's own tool loop.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";

import { answerSteps, settings, WEATHER, weatherIn } from "./steps.mjs";

const { apiKey, baseUrl: baseURL } = settings;
const PROVIDERS = {
  "openai-compatible": () =>
    createOpenAICompatible({ name: "stitcher", baseURL, apiKey, includeUsage: true }),
  anthropic: () => createAnthropic({ baseURL, apiKey }),
};
const model = PROVIDERS[settings.provider]()(settings.model);
const history = [];
const weather = tool({
  description: WEATHER.description,
  inputSchema: z.object({ city: z.string() }),
  execute: weatherIn,
});

await answerSteps(async (step) => {
  history.push({ role: "user", content: step.say });
  const request = { model, messages: history, stopWhen: isStepCount(5), headers: step.headers };
  if (settings.system) request.instructions = settings.system;
  if (step.tools) request.tools = { [WEATHER.name]: weather };
  if (step.thinking) request.providerOptions = { anthropic: { thinking: step.thinking } };
  // streamText reports a failed request to onError alone; its promises say only "no output".
  let failure;
  const result = step.stream
    ? streamText({ ...request, onError: ({ error }) => (failure = error) })
    : await generateText(request);
  try {
    const steps = await result.steps;
    history.push(...(await result.responseMessages));
    return {
      text: await result.text,
      calls: steps.flatMap(({ toolCalls }) => toolCalls.map(({ toolName }) => toolName)),
      thoughts: steps.flatMap(({ reasoning }) => reasoning.map(({ text }) => text)),
      usage: await result.usage,
    };
  } catch (error) {
    throw failure ?? error;
  }
});
