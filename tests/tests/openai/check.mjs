// What OpenAI's own client for JavaScript makes of the server: prints what it got as JSON, and writes the files.
import { createWriteStream, writeFileSync } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { text } from "node:stream/consumers";
import OpenAI from "openai";

const asked = JSON.parse(await text(process.stdin));
const client = (key) => new OpenAI({ baseURL: asked.url, apiKey: key, maxRetries: 0, timeout: 60_000 });

const refused = async (changes, key = asked.key) => {
  try {
    await client(key).audio.speech.create({ model: "tts-1", voice: asked.voice, input: "Hello.", ...changes });
  } catch (error) {
    return [error.constructor.name, error.status, error.code, error.param ?? null];
  }
  return "not refused";
};

const models = [];
for await (const model of client(asked.key).models.list()) models.push(model.id);

const { speech } = client(asked.key).audio;
for (const format of asked.formats) {
  const whole = await speech.create({ model: "tts-1", voice: asked.voice, input: asked.short, response_format: format });
  writeFileSync(`${asked.folder}/node.${format}`, Buffer.from(await whole.arrayBuffer()));
  const stream = await speech.create({
    model: asked.model, voice: asked.voice_id, input: asked.long, response_format: format,
  });
  await pipeline(Readable.fromWeb(stream.body), createWriteStream(`${asked.folder}/node-streamed.${format}`));
}

let events;
for (const format of asked.event_formats) {
  events = [];
  const answer = await speech.create({
    model: "tts-1", voice: asked.voice, input: `${asked.long} By events.`, response_format: format, stream_format: "sse",
  });
  for (const line of (await answer.text()).split("\n")) {
    if (line.startsWith("data: ")) events.push(JSON.parse(line.slice(6)));
  }
  const audio = events.slice(0, -1).map((event) => Buffer.from(event.audio, "base64"));
  writeFileSync(`${asked.folder}/node-events.${format}`, Buffer.concat(audio));
}

const marked = [];
for (const input of ["Once only.", "Once only.", "Something else."]) {
  try {
    const headers = { "Idempotency-Key": asked.once };
    const answer = await speech.create({ model: "tts-1", voice: asked.voice, input }, { headers });
    marked.push([answer.headers.get("x-resonance-generation"), answer.headers.get("idempotent-replayed")]);
  } catch (error) {
    if (!(error instanceof OpenAI.UnprocessableEntityError)) throw error;
    marked.push([error.code, error.param]);
  }
}

console.log(JSON.stringify({
  models,
  marked,
  events: [...new Set(events.map((event) => event.type))].sort(),
  usage: events.at(-1).usage.input_tokens,
  refused: {
    "no key": await refused({}, "rsk_nothing"),
    "a key that may not": await refused({}, asked.mute_key),
    "over budget": await refused({ input: "This is more than the budget has." }, asked.poor_key),
    "no such voice": await refused({ voice: "Nobody" }),
    "another's voice": await refused({ voice: asked.foreign_voice }),
    "no such model": await refused({ model: "whisper-1" }),
    "nothing to speak": await refused({ input: " " }),
    "too long": await refused({ input: "x".repeat(5001) }),
    "too fast": await refused({ speed: 5 }),
    "no such format": await refused({ response_format: "ogg" }),
    instructions: await refused({ instructions: "Whisper." }),
  },
}));
