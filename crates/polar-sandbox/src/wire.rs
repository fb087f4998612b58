//! What things look like on the wire.

use chrono::SecondsFormat;
use serde_json::{Map, Value, json};

use crate::{
    Product,
    state::State,
    things::{Checkout, Customer, Event, Order, Session, Subscription, Time},
};

const CURRENCY: &str = "usd";

/// A time as the wire has it.
pub(crate) fn at(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn maybe(time: Option<Time>) -> Option<String> {
    time.map(at)
}

/// The fields of all objects in one; those of later ones win.
fn together<const N: usize>(parts: [Value; N]) -> Value {
    let mut all = Map::new();
    for part in parts {
        if let Value::Object(fields) = part {
            all.extend(fields);
        }
    }
    Value::Object(all)
}

/// An object without some of its fields.
fn without(mut whole: Value, names: &[&str]) -> Value {
    if let Some(fields) = whole.as_object_mut() {
        fields.retain(|name, _| !names.contains(&name.as_str()));
    }
    whole
}

fn price_id(product: &Product) -> String {
    format!("{}-price", product.id)
}

impl State {
    fn price(&self, product: &Product) -> Value {
        json!({
            "id": price_id(product),
            "created_at": at(self.started_at),
            "modified_at": null,
            "source": "catalog",
            "amount_type": "fixed",
            "price_currency": CURRENCY,
            "tax_behavior": "exclusive",
            "is_archived": false,
            "product_id": product.id,
            "price_amount": product.cents,
        })
    }

    pub(crate) fn show_product(&self, product: &Product) -> Value {
        json!({
            "id": product.id,
            "created_at": at(self.started_at),
            "modified_at": null,
            "trial_interval": null,
            "trial_interval_count": null,
            "name": product.name,
            "description": null,
            "visibility": "public",
            "recurring_interval": "month",
            "recurring_interval_count": 1,
            "meter_interval": null,
            "meter_interval_count": null,
            "is_recurring": true,
            "is_archived": false,
            "organization_id": self.organization_id,
            "metadata": {},
            "prices": [self.price(product)],
            "benefits": [],
            "medias": [],
            "attached_custom_fields": [],
        })
    }

    pub(crate) fn show_customer(&self, customer: &Customer) -> Value {
        json!({
            "id": customer.id,
            "created_at": at(customer.created_at),
            "modified_at": maybe(customer.modified_at),
            "metadata": customer.metadata,
            "external_id": customer.external_id,
            "email": customer.email,
            "email_verified": false,
            "type": if customer.is_team { "team" } else { "individual" },
            "name": customer.name,
            "billing_name": null,
            "billing_address": null,
            "tax_id": null,
            "locale": null,
            "organization_id": self.organization_id,
            "default_payment_method_id": null,
            "deleted_at": maybe(customer.deleted_at),
            "avatar_url": null,
        })
    }

    /// A customer and what it has.
    pub(crate) fn show_customer_state(&self, customer: &Customer) -> Value {
        let active = self.kept.subscriptions.iter().filter(|subscription| {
            subscription.customer_id == customer.id && subscription.status.is_active()
        });
        let fields = [
            "id",
            "created_at",
            "modified_at",
            "custom_field_data",
            "metadata",
            "status",
            "amount",
            "currency",
            "recurring_interval",
            "current_period_start",
            "current_period_end",
            "trial_start",
            "trial_end",
            "cancel_at_period_end",
            "canceled_at",
            "started_at",
            "ends_at",
            "product_id",
            "discount_id",
            "meters",
        ];
        let active: Vec<Value> = active
            .map(|subscription| {
                let mut whole = self.show_subscription(subscription);
                if let Some(whole) = whole.as_object_mut() {
                    whole.retain(|name, _| fields.contains(&name.as_str()));
                }
                whole
            })
            .collect();
        let lists = json!({ "active_subscriptions": active, "granted_benefits": [], "active_meters": [] });
        together([self.show_customer(customer), lists])
    }

    fn whole_customer(&self, id: &str) -> Value {
        self.customer(id)
            .map_or(Value::Null, |customer| self.show_customer(customer))
    }

    fn whole_product(&self, id: &str) -> Value {
        self.product(id)
            .map_or(Value::Null, |product| self.show_product(product))
    }

    fn show_plain_subscription(subscription: &Subscription) -> Value {
        let times = json!({
            "created_at": at(subscription.created_at),
            "modified_at": maybe(subscription.modified_at),
            "current_period_start": at(subscription.period_start),
            "current_period_end": at(subscription.period_end),
            "current_meter_period_start": null,
            "current_meter_period_end": null,
            "trial_start": maybe(subscription.trial.map(|(start, _)| start)),
            "trial_end": maybe(subscription.trial.map(|(_, end)| end)),
            "canceled_at": maybe(subscription.canceled_at),
            "started_at": maybe(subscription.started_at),
            "ends_at": maybe(subscription.ends_at),
            "ended_at": maybe(subscription.ended_at),
            "past_due_at": maybe(subscription.past_due_at),
            "paused_at": maybe(subscription.paused_at),
            "resumes_at": null,
        });
        let rest = json!({
            "id": subscription.id,
            "amount": subscription.cents,
            "currency": CURRENCY,
            "recurring_interval": "month",
            "recurring_interval_count": 1,
            "status": subscription.status,
            "cancel_at_period_end": subscription.cancel_at_period_end,
            "pause_at_period_end": false,
            "customer_id": subscription.customer_id,
            "product_id": subscription.product_id,
            "discount_id": null,
            "checkout_id": subscription.checkout_id,
            "seats": null,
            "customer_cancellation_reason": subscription.reason,
            "customer_cancellation_comment": subscription.comment,
            "metadata": subscription.metadata,
        });
        together([times, rest])
    }

    pub(crate) fn show_subscription(&self, subscription: &Subscription) -> Value {
        let product = self.whole_product(&subscription.product_id);
        let whole = json!({
            "custom_field_data": {},
            "customer": self.whole_customer(&subscription.customer_id),
            "prices": product["prices"],
            "product": product,
            "discount": null,
            "meters": [],
            "pending_update": null,
        });
        together([Self::show_plain_subscription(subscription), whole])
    }

    pub(crate) fn show_order(&self, order: &Order) -> Value {
        let customer = self.whole_customer(&order.customer_id);
        let product = self.whole_product(&order.product_id);
        let subscription = self
            .subscription(&order.subscription_id)
            .map_or(Value::Null, Self::show_plain_subscription);
        let name = product["name"].as_str().unwrap_or_default();
        let amounts = json!({
            "subtotal_amount": order.cents,
            "discount_amount": 0,
            "net_amount": order.cents,
            "tax_amount": 0,
            "total_amount": order.cents,
            "applied_balance_amount": 0,
            "due_amount": order.cents,
            "refunded_amount": 0,
            "refunded_tax_amount": 0,
            "refundable_amount": order.cents,
            "refundable_tax_amount": 0,
            "platform_fee_amount": 0,
            "platform_fee_currency": CURRENCY,
            "currency": CURRENCY,
            "items": [{
                "id": format!("{}-item", order.id),
                "created_at": at(order.created_at),
                "modified_at": null,
                "label": name,
                "amount": order.cents,
                "tax_amount": 0,
                "proration": false,
                "product_price_id": product["prices"][0]["id"],
            }],
        });
        let rest = json!({
            "id": order.id,
            "created_at": at(order.created_at),
            "modified_at": maybe(order.modified_at),
            "status": "paid",
            "paid": true,
            "billing_reason": order.billing_reason,
            "billing_name": customer["name"].as_str().unwrap_or("Customer"),
            "billing_address": { "country": "US", "line1": "1 Example Street", "city": "Springfield" },
            "invoice_number": format!("SANDBOX-{:04}", order.number),
            "is_invoice_generated": order.has_invoice,
            "receipt_number": null,
            "seats": null,
            "customer_id": order.customer_id,
            "product_id": order.product_id,
            "discount_id": null,
            "subscription_id": order.subscription_id,
            "checkout_id": order.checkout_id,
            "next_payment_attempt_at": null,
            "metadata": order.metadata,
            "custom_field_data": {},
            "description": name,
            "customer": customer,
            "product": without(product, &["prices", "benefits", "medias", "attached_custom_fields"]),
            "discount": null,
            "subscription": subscription,
        });
        together([amounts, rest])
    }

    fn checkout_product(&self, id: &str) -> Value {
        without(self.whole_product(id), &["metadata", "attached_custom_fields"])
    }

    /// Where somebody pays.
    pub(crate) fn checkout_url(&self, checkout: &Checkout) -> String {
        format!("{}/checkout/{}", self.base_url, checkout.client_secret)
    }

    /// Where somebody goes who has paid.
    pub(crate) fn success_url(&self, checkout: &Checkout) -> String {
        let confirmation = || format!("{}/confirmation", self.checkout_url(checkout));
        let url = checkout.success_url.clone().unwrap_or_else(confirmation);
        url.replace("{CHECKOUT_ID}", &checkout.id)
    }

    pub(crate) fn show_checkout(&self, checkout: &Checkout) -> Value {
        let chosen = checkout.product_ids.first().map_or("", String::as_str);
        let product = self.checkout_product(chosen);
        let cents = &product["prices"][0]["price_amount"];
        let products = checkout.product_ids.iter().map(|id| self.checkout_product(id));
        let costs = !matches!(cents.as_i64(), None | Some(0));
        let money = json!({
            "amount": cents,
            "discount_amount": 0,
            "net_amount": cents,
            "tax_amount": 0,
            "tax_behavior": "exclusive",
            "total_amount": cents,
            "currency": CURRENCY,
            "discount_id": null,
            "discount": null,
            "allow_discount_codes": true,
            "require_billing_address": false,
            "is_discount_applicable": costs,
            "is_free_product_price": !costs,
            "is_payment_required": costs,
            "is_payment_setup_required": true,
            "is_payment_form_required": true,
            "payment_processor": "stripe",
            "payment_processor_metadata": {},
            "billing_address_fields": {
                "country": "required", "state": "optional", "city": "optional",
                "postal_code": "optional", "line1": "optional", "line2": "optional",
            },
            "allow_trial": true,
            "active_trial_interval": null,
            "active_trial_interval_count": null,
            "trial_interval": null,
            "trial_interval_count": null,
            "trial_end": null,
            "seats": null,
            "min_seats": null,
            "max_seats": null,
        });
        let buyer = json!({
            "customer_id": checkout.customer_id,
            "is_business_customer": false,
            "customer_name": checkout.name,
            "customer_email": checkout.email,
            "customer_ip_address": null,
            "customer_billing_name": null,
            "customer_billing_address": null,
            "customer_tax_id": null,
            "customer_metadata": checkout.customer_metadata,
            "external_customer_id": checkout.external_customer_id,
            "locale": null,
        });
        let mut prices = Map::new();
        for id in &checkout.product_ids {
            prices.insert(id.clone(), self.whole_product(id)["prices"].clone());
        }
        let rest = json!({
            "id": checkout.id,
            "created_at": at(checkout.created_at),
            "modified_at": maybe(checkout.modified_at),
            "custom_field_data": {},
            "status": if checkout.succeeded { "succeeded" } else { "open" },
            "client_secret": checkout.client_secret,
            "url": self.checkout_url(checkout),
            "expires_at": at(checkout.expires_at),
            "success_url": self.success_url(checkout),
            "return_url": checkout.return_url,
            "embed_origin": null,
            "organization_id": self.organization_id,
            "metadata": checkout.metadata,
            "product_price_id": product["prices"][0]["id"],
            "product_price": product["prices"][0],
            "product_id": chosen,
            "product": product,
            "products": products.collect::<Vec<_>>(),
            "prices": prices,
            "subscription_id": checkout.subscription_id,
            "attached_custom_fields": [],
        });
        together([money, buyer, rest])
    }

    /// Where a customer looks after its subscriptions.
    pub(crate) fn portal_url(&self, session: &Session) -> String {
        format!("{}/portal/{}", self.base_url, session.token)
    }

    pub(crate) fn show_session(&self, session: &Session) -> Value {
        json!({
            "id": session.id,
            "created_at": at(session.created_at),
            "modified_at": null,
            "token": session.token,
            "expires_at": at(session.expires_at),
            "return_url": session.return_url,
            "customer_portal_url": self.portal_url(session),
            "customer_id": session.customer_id,
            "customer": self.whole_customer(&session.customer_id),
        })
    }

    pub(crate) fn show_event(&self, event: &Event) -> Value {
        let customer = self.event_customer(event);
        json!({
            "id": event.id,
            "timestamp": at(event.timestamp),
            "organization_id": self.organization_id,
            "customer_id": customer.map(|customer| &customer.id),
            "customer": customer.map(|customer| self.show_customer(customer)),
            "external_customer_id": self.event_external_id(event),
            "child_count": 0,
            "parent_id": null,
            "label": event.name,
            "name": event.name,
            "source": "user",
            "metadata": event.metadata,
        })
    }
}
