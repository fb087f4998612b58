// What Polar's own client makes of the server's answers: prints what it read as JSON.
import { text } from "node:stream/consumers";
import { Polar } from "@polar-sh/sdk";

const asked = JSON.parse(await text(process.stdin));
const client = (accessToken) => new Polar({ accessToken, serverURL: asked.url });
const polar = client(asked.token);

const control = async (path, body) => {
  const answer = await fetch(`${asked.url}/sandbox/${path}`, { method: "POST", body: JSON.stringify(body ?? {}) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
};

const refused = async (call) => {
  try {
    await call();
  } catch (error) {
    return [error.constructor.name, error.statusCode, error.detail?.map?.((found) => found.loc) ?? error.error ?? null];
  }
  return "not refused";
};

const only = async (pages) => {
  const items = [];
  for await (const page of await pages) items.push(...page.result.items);
  return items;
};

const told = {};
const ada = { type: "individual", email: "ada@example.com", externalId: "org_ada", name: "Ada", metadata: { plan: "pro", seats: 3 } };

// Customers.
const made = await polar.customers.create(ada);
const team = await polar.customers.create({ type: "team", externalId: "org_team", name: "Team", owner: { email: "owner@example.org", externalId: "owner" } });
const got = await polar.customers.getExternal({ externalId: "org_ada" });
told.customers = {
  made: [made.type, made.email, made.externalId, made.name, made.metadata, made.createdAt instanceof Date],
  team: [team.type, team.email, team.externalId],
  same: got.id === made.id,
  listed: (await only(polar.customers.list({ limit: 1 }))).map((customer) => customer.externalId),
  byEmail: (await only(polar.customers.list({ email: "ada@example.com" }))).length,
};

// Events.
const moment = new Date(Date.now() - 60_000);
const event = (externalId, characters, rest) => ({
  name: "speech", externalCustomerId: "org_ada", externalId, timestamp: moment, metadata: { characters, voice: "alto" }, ...rest,
});
told.events = {
  first: await polar.events.ingest({ events: [event("one", 10), event("two", 20), event("one", 10)] }),
  again: await polar.events.ingest({ events: [event("two", 20), event(undefined, 5)] }),
  byId: await polar.events.ingest({ events: [{ name: "speech", customerId: made.id, metadata: { characters: 7 } }] }),
  stranger: await polar.events.ingest({ events: [{ name: "speech", externalCustomerId: "org_later" }] }),
};
const page = await polar.events.list({ externalCustomerId: "org_ada", name: "speech", page: 2, limit: 3 });
const all = await polar.events.list({ limit: 100 });
told.events.page = [page.items.length, page.pagination, page.items[0].metadata, page.items[0].customer.id === made.id];
told.events.source = page.items[0].source;
told.events.withoutCustomer = all.items.filter((found) => found.customer === null).map((found) => found.externalCustomerId);

// Checkouts.
const checkout = await polar.checkouts.create({
  products: [asked.product], externalCustomerId: "org_new", customerEmail: "new@example.com", customerName: "New",
  successUrl: "https://app.example/done?checkout={CHECKOUT_ID}", metadata: { organization: "org_new" },
});
const completed = await control(`checkouts/${checkout.id}/complete`);
const paid = await polar.checkouts.get({ id: checkout.id });
told.checkouts = {
  open: [checkout.status, checkout.totalAmount, checkout.currency, checkout.product.name, checkout.url.startsWith(`${asked.url}/checkout/`)],
  paid: [paid.status, paid.subscriptionId === completed.subscription_id, paid.customerId === completed.customer_id],
  successUrl: paid.successUrl === `https://app.example/done?checkout=${checkout.id}`,
};

// Subscriptions, in every state.
const id = completed.subscription_id;
const subscription = await polar.subscriptions.get({ id });
told.subscription = [
  subscription.status, subscription.customer.externalId, subscription.product.id, subscription.amount, subscription.metadata,
  subscription.prices[0].priceAmount, subscription.checkoutId === checkout.id,
];
told.days = Math.round((subscription.currentPeriodEnd - subscription.currentPeriodStart) / 86_400_000);
told.states = [];
for (const status of asked.states) {
  const { id } = await control("subscriptions", { external_customer_id: `org_${status}`, product_id: asked.product, status });
  told.states.push((await polar.subscriptions.get({ id })).status);
}
told.listed = {
  mine: (await only(polar.subscriptions.list({ externalCustomerId: "org_new" }))).map((found) => found.id === id),
  byId: (await only(polar.subscriptions.list({ customerId: completed.customer_id, productId: asked.product }))).length,
  active: (await only(polar.subscriptions.list({ active: true, limit: 1 }))).map((found) => found.customer.externalId),
  inactive: (await only(polar.subscriptions.list({ active: false }))).length,
  two: (await only(polar.subscriptions.list({ externalCustomerId: ["org_new", "org_paused"] }))).length,
  state: (await polar.customers.getStateExternal({ externalId: "org_new" })).activeSubscriptions.map((found) => [found.id === id, found.status]),
};
const update = (subscriptionUpdate) => polar.subscriptions.update({ id, subscriptionUpdate });
const canceled = await update({ cancelAtPeriodEnd: true, customerCancellationReason: "too_expensive" });
told.changed = { canceled: [canceled.status, canceled.cancelAtPeriodEnd, canceled.endsAt.getTime() === canceled.currentPeriodEnd.getTime(), canceled.customerCancellationReason] };
told.refused = { "canceled again": await refused(() => update({ cancelAtPeriodEnd: true })) };
const resumed = await update({ cancelAtPeriodEnd: false });
told.changed.resumed = [resumed.status, resumed.cancelAtPeriodEnd, resumed.canceledAt, resumed.endsAt];
const other = await update({ productId: asked.other });
told.changed.product = [other.product.name, other.amount, other.prices[0].priceAmount];
await control(`subscriptions/${id}/renew`);
const renewed = await polar.subscriptions.get({ id });
told.changed.renewed = renewed.currentPeriodStart.getTime() === subscription.currentPeriodEnd.getTime();

// Orders.
const orders = await only(polar.orders.list({ externalCustomerId: "org_new" }));
told.orders = orders.map((order) => [order.billingReason, order.totalAmount, order.paid, order.subscriptionId === id]);
told.refused["invoice that is not there"] = await refused(() => polar.orders.invoice({ id: orders[0].id }));
await polar.orders.generateInvoice({ id: orders[0].id });
told.invoice = (await polar.orders.invoice({ id: orders[0].id })).url === `${asked.url}/invoices/${orders[0].id}`;

// The portal.
const session = await polar.customerSessions.create({ externalCustomerId: "org_new", returnUrl: "https://app.example/" });
const byId = await polar.customerSessions.create({ customerId: made.id });
await polar.customerSessions.create({ externalCustomerId: "org_team", externalMemberId: "owner" });
told.session = [session.customerPortalUrl === `${asked.url}/portal/${session.token}`, session.customer.externalId, byId.customer.externalId];

// Products.
told.products = (await only(polar.products.list({}))).map((product) => [product.name, product.recurringInterval, product.prices[0].priceAmount]);
told.product = (await polar.products.get({ id: asked.other })).name;

// What is refused.
const nobody = "00000000-0000-4000-8000-000000000000";
const checkoutOf = (changes) => () => polar.checkouts.create({ products: [asked.product], ...changes });
const ingest = (...events) => () => polar.events.ingest({ events });
Object.assign(told.refused, {
  "no token": await refused(() => client("").customers.create(ada)),
  "a wrong token": await refused(() => client("wrong").customers.create(ada)),
  "a customer twice": await refused(() => polar.customers.create(ada)),
  "no such customer": await refused(() => polar.customers.getExternal({ externalId: "org_nobody" })),
  "no state": await refused(() => polar.customers.getStateExternal({ externalId: "org_nobody" })),
  "an event to come": await refused(ingest(event("a", 1), event("b", 1, { timestamp: new Date(Date.now() + 3_600_000) }))),
  "an event of nobody": await refused(ingest({ name: "speech", customerId: nobody })),
  "no such checkout": await refused(() => polar.checkouts.get({ id: nobody })),
  "no such product": await refused(checkoutOf({ products: [asked.product, nobody] })),
  "no such buyer": await refused(checkoutOf({ customerId: nobody })),
  "a team without a member": await refused(() => polar.customerSessions.create({ externalCustomerId: "org_team" })),
  "no such session": await refused(() => polar.customerSessions.create({ externalCustomerId: "org_nobody" })),
  "no such subscription": await refused(() => polar.subscriptions.get({ id: nobody })),
  "another product": await refused(() => update({ productId: nobody })),
  "no such order": await refused(() => polar.orders.generateInvoice({ id: nobody })),
});

// What ends.
const revoked = await polar.subscriptions.revoke({ id });
told.changed.revoked = [revoked.status, revoked.endedAt instanceof Date];
told.refused["revoked again"] = await refused(() => polar.subscriptions.revoke({ id }));
await polar.customers.deleteExternal({ externalId: "org_active" });
const gone = await only(polar.subscriptions.list({ customerId: (await only(polar.subscriptions.list({}))).find((found) => found.customer.externalId === "org_active").customerId }));
told.deleted = [gone.map((found) => found.status), gone[0].customer.deletedAt instanceof Date];
told.refused["deleted"] = await refused(() => polar.customers.getExternal({ externalId: "org_active" }));
// What a state's special webhook is, for those that no call leads to.
const { id: late } = await control("subscriptions", { external_customer_id: "org_late", product_id: asked.product });
await control(`subscriptions/${late}`, { status: "past_due" });

console.log(JSON.stringify(told));
