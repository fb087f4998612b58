//! Budgets, plans, subscriptions, and sums that grow with the ledger.

crate::migration! {
    /// Billing.
    up: [
        // What operators offer. `included_characters` null: as many as one likes; `price_micros` (millionths of the
        // currency's unit, for 1,000 characters beyond those) null: none beyond those. `product` is what the provider
        // calls it.
        "CREATE TABLE plans (
            id {id} NOT NULL PRIMARY KEY,
            name text NOT NULL,
            included_characters bigint CHECK (included_characters >= 0),
            price_micros bigint CHECK (price_micros >= 0),
            currency text NOT NULL,
            custom_voices bigint CHECK (custom_voices >= 0),
            member_limit bigint CHECK (member_limit >= 0),
            product text,
            created_at {time} NOT NULL,
            updated_at {time} NOT NULL
        )",
        "CREATE UNIQUE INDEX plans_product ON plans (product) WHERE product IS NOT NULL",
        "ALTER TABLE organizations ADD COLUMN plan_id {id} REFERENCES plans (id)",
        "CREATE INDEX organizations_plan ON organizations (plan_id) WHERE plan_id IS NOT NULL",
        // What may be spent in a period. `id` is whose budget it is: the organization's own, or a user's.
        "CREATE TABLE budgets (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            characters bigint NOT NULL CHECK (characters >= 0),
            updated_at {time} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        // What is held and was used in a period by the organization, a user or an API key (`id`). `alerted` is the
        // highest percentage of the budget that was told of.
        "CREATE TABLE spending (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            period {key} NOT NULL,
            characters bigint NOT NULL CHECK (characters >= 0),
            alerted integer NOT NULL,
            PRIMARY KEY (organization_id, id, period)
        )",
        // Whatever limits what `id` may spend; the least counts.
        "CREATE VIEW spending_caps (organization_id, id, characters) AS
            SELECT organization_id, id, characters FROM budgets
            UNION ALL SELECT organization_id, id, character_budget FROM api_keys WHERE character_budget IS NOT NULL
            UNION ALL SELECT o.id, o.id, p.included_characters FROM organizations o JOIN plans p ON p.id = o.plan_id
                WHERE p.included_characters IS NOT NULL AND p.price_micros IS NULL",
        // The mirror of what the provider knows; `reference` is the provider's id, `changed_at` the provider's time.
        // `period` and `next_period` name the periods that begin at `period_start` and at `period_end`.
        "CREATE TABLE subscriptions (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            id {id} NOT NULL,
            reference text NOT NULL,
            status text NOT NULL,
            product text NOT NULL,
            amount bigint NOT NULL,
            currency text NOT NULL,
            recurring text NOT NULL,
            period {key} NOT NULL,
            next_period {key} NOT NULL,
            period_start {time} NOT NULL,
            period_end {time} NOT NULL,
            cancel_at_period_end {bool} NOT NULL,
            past_due_since {time},
            ended_at {time},
            created_at {time} NOT NULL,
            changed_at {time} NOT NULL,
            is_current {bool} NOT NULL,
            PRIMARY KEY (organization_id, id)
        )",
        "CREATE UNIQUE INDEX subscriptions_reference ON subscriptions (reference)",
        "CREATE UNIQUE INDEX subscriptions_current ON subscriptions (organization_id) WHERE is_current",
        // The hour (UTC) and the period in which a line counts: those in which the characters were held.
        "ALTER TABLE usage_entries ADD COLUMN hour {key}",
        "ALTER TABLE usage_entries ADD COLUMN period {key}",
        "ALTER TABLE usage_entries ADD COLUMN engine text",
        // Lines that the provider is told of. `refused` is why it will never take one.
        "CREATE TABLE usage_exports (
            organization_id {id} NOT NULL,
            id {id} NOT NULL,
            exported_at {time},
            refused text,
            PRIMARY KEY (organization_id, id),
            FOREIGN KEY (organization_id, id) REFERENCES usage_entries (organization_id, id)
        )",
        "CREATE INDEX usage_exports_waiting ON usage_exports (id) WHERE exported_at IS NULL AND refused IS NULL",
        "CREATE INDEX usage_exports_refused ON usage_exports (id) WHERE refused IS NOT NULL",
        // Sums of settled lines. `grain` is hour, day or month, and `slot` which one; `dimension` is total, member, key,
        // voice or engine, and `id` and `engine` which one (of totals and engines, `id` is the organization).
        "CREATE TABLE usage_totals (
            organization_id {id} NOT NULL REFERENCES organizations (id),
            metric {key} NOT NULL,
            dimension {key} NOT NULL,
            grain {key} NOT NULL,
            slot {key} NOT NULL,
            id {id} NOT NULL,
            engine {key} NOT NULL,
            quantity bigint NOT NULL,
            PRIMARY KEY (organization_id, metric, dimension, grain, slot, id, engine)
        )",
        "INSERT INTO usage_totals (organization_id, metric, dimension, grain, slot, id, engine, quantity)
            SELECT organization_id, metric, dimension, grain, slot, id, '', SUM(quantity) FROM (
                SELECT e.organization_id, e.metric, d.dimension, g.grain, substr(e.day || 'T00', 1, g.length) AS slot,
                    CASE d.dimension WHEN 'member' THEN e.user_id WHEN 'key' THEN e.api_key_id
                        WHEN 'voice' THEN e.voice_id ELSE e.organization_id END AS id, e.quantity
                FROM usage_entries e
                CROSS JOIN (SELECT 'total' AS dimension UNION ALL SELECT 'member' UNION ALL SELECT 'key'
                    UNION ALL SELECT 'voice') AS d
                CROSS JOIN (SELECT 'hour' AS grain, 13 AS length UNION ALL SELECT 'day', 10
                    UNION ALL SELECT 'month', 7) AS g
                WHERE e.kind = 'settle' AND (d.dimension <> 'member' OR e.api_key_id IS NULL)
            ) AS lines WHERE id IS NOT NULL GROUP BY organization_id, metric, dimension, grain, slot, id",
        "INSERT INTO spending (organization_id, id, period, characters, alerted)
            SELECT organization_id, id, month || '-01T00:00:00Z', characters, 0 FROM api_key_months",
        "INSERT INTO spending (organization_id, id, period, characters, alerted)
            SELECT h.organization_id, h.organization_id, substr(h.day, 1, 7) || '-01T00:00:00Z', SUM(h.quantity), 0
            FROM usage_entries h WHERE h.metric = 'characters' AND h.kind = 'hold' AND NOT EXISTS (
                SELECT 1 FROM usage_entries r WHERE r.organization_id = h.organization_id
                    AND r.metric = h.metric AND r.reference_id = h.reference_id AND r.kind = 'release')
            GROUP BY h.organization_id, substr(h.day, 1, 7)",
        "INSERT INTO spending (organization_id, id, period, characters, alerted)
            SELECT h.organization_id, h.user_id, substr(h.day, 1, 7) || '-01T00:00:00Z', SUM(h.quantity), 0
            FROM usage_entries h WHERE h.metric = 'characters' AND h.kind = 'hold' AND h.user_id IS NOT NULL
                AND h.api_key_id IS NULL AND NOT EXISTS (
                SELECT 1 FROM usage_entries r WHERE r.organization_id = h.organization_id
                    AND r.metric = h.metric AND r.reference_id = h.reference_id AND r.kind = 'release')
            GROUP BY h.organization_id, h.user_id, substr(h.day, 1, 7)",
        "DROP TABLE api_key_months",
        // The sums answer what this was for.
        "DROP INDEX usage_entries_day",
    ],
    down: [
        "CREATE INDEX usage_entries_day ON usage_entries (organization_id, metric, kind, day)",
        "CREATE TABLE api_key_months (
            organization_id {id} NOT NULL,
            id {id} NOT NULL,
            month {key} NOT NULL,
            characters bigint NOT NULL CHECK (characters >= 0),
            PRIMARY KEY (organization_id, id, month),
            FOREIGN KEY (organization_id, id) REFERENCES api_keys (organization_id, id)
        )",
        "INSERT INTO api_key_months (organization_id, id, month, characters)
            SELECT s.organization_id, s.id, substr(s.period, 1, 7), SUM(s.characters) FROM spending s
            JOIN api_keys k ON k.organization_id = s.organization_id AND k.id = s.id
            GROUP BY s.organization_id, s.id, substr(s.period, 1, 7)",
        "DROP TABLE usage_totals",
        "DROP TABLE usage_exports",
        "ALTER TABLE usage_entries DROP COLUMN engine",
        "ALTER TABLE usage_entries DROP COLUMN period",
        "ALTER TABLE usage_entries DROP COLUMN hour",
        "DROP TABLE subscriptions",
        "DROP VIEW spending_caps",
        "DROP TABLE spending",
        "DROP TABLE budgets",
        "DROP INDEX organizations_plan",
        "ALTER TABLE organizations DROP COLUMN plan_id",
        "DROP TABLE plans",
    ],
}
