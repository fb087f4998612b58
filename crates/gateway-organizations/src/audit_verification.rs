//! Verifying the audit log.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};
use resonance_domain::{ErrorCode, FieldError};
use resonance_gateway_kit::{ApiResult, BigInt, UserError, parse_id, request, split};
use resonance_services::{self as services, AuditDifferenceKind as Kind, KnownLink};

use crate::audit_log::hex;

/// What is not as the instance wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum AuditDifferenceKind {
    /// An event was changed, or made up.
    Changed,
    /// Events are missing, from `position` to `until`.
    Removed,
    /// An event is genuine, but does not follow on what stands before it.
    Moved,
    /// An event stands where another one stands already, or behind the end.
    Inserted,
    /// The end of the chain was changed.
    EndChanged,
    /// An event that was passed on has lost its place.
    Unsealed,
    /// The chain does not hold the link that was known.
    KnownLinkMissing,
}

impl From<Kind> for AuditDifferenceKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Changed => Self::Changed,
            Kind::Removed => Self::Removed,
            Kind::Moved => Self::Moved,
            Kind::Inserted => Self::Inserted,
            Kind::EndChanged => Self::EndChanged,
            Kind::Unsealed => Self::Unsealed,
            Kind::KnownLinkMissing => Self::KnownLinkMissing,
        }
    }
}

/// Something in a log that is not as the instance wrote it.
#[derive(Debug, Clone, SimpleObject)]
pub struct AuditDifference {
    /// What.
    pub kind: AuditDifferenceKind,
    /// At which place of the chain; null for what has no place.
    pub position: Option<BigInt>,
    /// Up to which place, for several that are missing; else the same.
    pub until: Option<BigInt>,
    /// The entry; null where there is none.
    pub entry_id: Option<ID>,
    /// A sentence about it.
    pub explanation: String,
}

impl From<services::AuditDifference> for AuditDifference {
    fn from(difference: services::AuditDifference) -> Self {
        Self {
            kind: difference.kind.into(),
            position: difference.position.map(BigInt),
            until: difference.until.map(BigInt),
            entry_id: difference.event.map(|event| event.type_id().into()),
            explanation: difference.kind.explanation().to_owned(),
        }
    }
}

/// What verifying an audit log found.
#[derive(Debug, Clone, SimpleObject)]
pub struct AuditVerification {
    /// Whether the log is what the instance wrote.
    pub intact: bool,
    /// How many entries the chain holds.
    pub length: BigInt,
    /// The last link, in hexadecimal digits. Keep it together with the length somewhere else and hand it in as `known`
    /// later: it shows that the log was not put back to an earlier state, which the chain alone cannot show.
    pub hash: String,
    /// How many rows were looked at.
    pub checked: BigInt,
    /// How many genuine entries wait for their places; they get them within moments.
    pub pending: BigInt,
    /// How many differences there are.
    pub difference_count: BigInt,
    /// The first hundred of them, in the order of the chain.
    pub differences: Vec<AuditDifference>,
}

impl From<services::AuditVerification> for AuditVerification {
    fn from(found: services::AuditVerification) -> Self {
        Self {
            intact: found.is_intact(),
            length: BigInt(found.length),
            hash: hex(&found.hash),
            checked: BigInt(found.checked),
            pending: BigInt(found.pending),
            difference_count: BigInt(found.difference_count),
            differences: found.differences.into_iter().map(Into::into).collect(),
        }
    }
}

/// A link of a chain that somebody kept.
#[derive(Debug, InputObject)]
pub(crate) struct KnownAuditLinkInput {
    /// Its place: the `length` of an earlier verification, or the `position` of an entry.
    position: BigInt,
    /// The link, in hexadecimal digits: the `hash` of an earlier verification, or the `chainHash` of an entry.
    hash: String,
}

/// Which log to verify.
#[derive(Debug, InputObject)]
pub(crate) struct VerifyAuditLogInput {
    /// The organization; the active one if absent.
    organization_id: Option<ID>,
    /// A link that the chain must hold; nothing if absent.
    known: Option<KnownAuditLinkInput>,
}

/// What became of verifying.
#[derive(Debug, SimpleObject)]
pub(crate) struct VerifyAuditLogPayload {
    /// What was found; null if the input was refused.
    verification: Option<AuditVerification>,
    /// Why the input was refused; empty on success.
    user_errors: Vec<UserError>,
}

#[derive(Debug, Default)]
pub(crate) struct AuditMutation;

#[Object]
impl AuditMutation {
    /// Verifies an organization's audit log from its beginning to its end, and names what is not as the instance wrote
    /// it. Changes nothing. Requires `org:sys_audit:read`. At most 60 times an hour for an organization.
    async fn verify_audit_log(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which log.")] input: VerifyAuditLogInput,
    ) -> ApiResult<VerifyAuditLogPayload> {
        let request = request(context)?;
        let verified = async {
            let organization = input.organization_id.as_ref();
            let organization = organization
                .map(|id| parse_id("organizationId", id))
                .transpose()?;
            let known = input.known.map(known_link).transpose()?;
            request.audit_log().verify(organization, known.as_ref()).await
        };
        let (verification, user_errors) = split(verified.await)?;
        Ok(VerifyAuditLogPayload {
            verification: verification.map(Into::into),
            user_errors,
        })
    }
}

fn known_link(input: KnownAuditLinkInput) -> Result<KnownLink, FieldError> {
    let digits = input.hash.as_bytes();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    let hash: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    match hash {
        Some(hash) if digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit) => Ok(KnownLink {
            position: input.position.0,
            hash,
        }),
        _ => Err(FieldError::new(ErrorCode::Invalid, "must be 64 hexadecimal digits").at("known.hash")),
    }
}
