// What Polar's own client makes of webhooks: prints, for each, its type, or the error it is refused with.
import { text } from "node:stream/consumers";
import { validateEvent } from "@polar-sh/sdk/webhooks";

const asked = JSON.parse(await text(process.stdin));
const told = asked.webhooks.map(({ headers, body }) => {
  try {
    const event = validateEvent(body, headers, asked.secret);
    return [event.type, event.data.id, event.timestamp instanceof Date];
  } catch (error) {
    return [error.constructor.name, error.message, String(error.cause ?? "")];
  }
});
console.log(JSON.stringify(told));
