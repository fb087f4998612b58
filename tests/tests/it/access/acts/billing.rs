//! The mutations of billing.

use serde_json::json;

use super::{Act, Comes::Forbidden, inside};

const BILLING: &str = "org:sys_billing:manage";

pub(super) fn acts() -> Vec<Act> {
    vec![
        inside(
            "createBillingPortalLink",
            |of| json!({ "organizationId": of.organization }),
            Forbidden(BILLING),
        ),
        inside(
            "createCheckout",
            |of| json!({ "organizationId": of.organization }),
            Forbidden(BILLING),
        ),
        inside(
            "createInvoiceLink",
            |of| json!({ "organizationId": of.organization, "reference": "x" }),
            Forbidden(BILLING),
        ),
        inside(
            "setBudget",
            |of| json!({ "organizationId": of.organization, "characters": 1 }),
            Forbidden(BILLING),
        ),
    ]
}
