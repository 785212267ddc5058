// Asks a server of loccit with OpenAI's own client for Node, and prints what came as one JSON object.
import OpenAI from "openai";

const [url, key, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
const messages = [{ role: "user", content: question }];
const model = "loccit/open";

async function refused(call) {
  try {
    await call();
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, param: error.param };
  }
  throw new Error("it was not refused");
}

const models = [];
for await (const one of client.models.list()) models.push(one.id);
const retrieved = await client.models.retrieve(model);

const chat = await client.chat.completions.create({ model, messages });
const chunks = [];
const stream = await client.chat.completions.create({
  model,
  messages,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) chunks.push(chunk);
const gathered = await client.chat.completions.stream({ model, messages }).finalChatCompletion();

const response = await client.responses.create({ model, input: question });
const events = [];
for await (const event of await client.responses.create({ model, input: question, stream: true })) events.push(event);
const final = await client.responses.stream({ model, input: question }).finalResponse();

const errors = {
  key: await refused(() => new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-wrong", maxRetries: 0 }).models.list()),
  model: await refused(() => client.chat.completions.create({ model: "loccit/nothing", messages })),
  tools: await refused(() =>
    client.chat.completions.create({ model, messages, tools: [{ type: "function", function: { name: "f" } }] }),
  ),
  streamed: await refused(() => client.responses.create({ model: "gpt-5", input: question, stream: true })),
};

console.log(
  JSON.stringify({ models, retrieved, chat, chunks, gathered, response, text: response.output_text, events, final, errors }),
);
