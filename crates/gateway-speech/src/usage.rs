//! What an organization used.

use std::collections::HashMap;

use async_graphql::{
    ComplexObject, Context, Enum, ID, InputObject, OneofObject, SimpleObject, dataloader::DataLoader,
};
use chrono::{DateTime, Utc};
use resonance_domain::{
    self as domain, ApiKeyId, ErrorCode, FieldError, InOrg, OrganizationId, VoiceAddress, VoiceScope,
};
use resonance_gateway_accounts::User;
use resonance_gateway_kit::{ApiError, ApiResult, BigInt, Code, Date, request};
use resonance_services::{self as services, Request};

use crate::{Voice, VoiceLoader};

/// What is metered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UsageMetric {
    /// Characters (Unicode scalar values) spoken.
    Characters,
    /// Custom voices made.
    CustomVoices,
}

impl From<UsageMetric> for domain::UsageMetric {
    fn from(metric: UsageMetric) -> Self {
        match metric {
            UsageMetric::Characters => Self::Characters,
            UsageMetric::CustomVoices => Self::CustomVoices,
        }
    }
}

impl From<domain::UsageMetric> for UsageMetric {
    fn from(metric: domain::UsageMetric) -> Self {
        match metric {
            domain::UsageMetric::Characters => Self::Characters,
            domain::UsageMetric::CustomVoices => Self::CustomVoices,
        }
    }
}

/// Days, both included. A period has at most 400 of them.
#[derive(Debug, Clone, Default, InputObject)]
pub struct UsagePeriod {
    /// The first day (UTC). Null or omitted means the first of the last day's month.
    pub from: Option<Date>,
    /// The last day (UTC). Null or omitted means today.
    pub until: Option<Date>,
}

/// What was used on one day.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct UsageDay {
    /// The day (UTC).
    pub day: Date,
    /// How much.
    pub quantity: BigInt,
}

/// How finely usage is told in time, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum UsageGrain {
    /// By hours.
    Hour,
    /// By days.
    Day,
    /// By calendar months.
    Month,
}

impl From<UsageGrain> for domain::UsageGrain {
    fn from(grain: UsageGrain) -> Self {
        match grain {
            UsageGrain::Hour => Self::Hour,
            UsageGrain::Day => Self::Day,
            UsageGrain::Month => Self::Month,
        }
    }
}

/// Whose usage is meant: exactly one of them.
#[derive(Debug, Clone, OneofObject)]
pub enum UsageSubjectInput {
    /// A member, by the user's id. What API keys used is no member's.
    UserId(ID),
    /// An API key, by its id.
    ApiKeyId(ID),
    /// A voice, by its id.
    VoiceId(ID),
    /// An engine, by its name.
    Engine(String),
}

/// What was used in an hour, a day or a month.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct UsagePoint {
    /// When it begins.
    pub start: DateTime<Utc>,
    /// How much.
    pub quantity: BigInt,
}

/// What one engine accounts for.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct EngineUsage {
    /// The engine's name.
    pub engine: String,
    /// How much.
    pub quantity: BigInt,
}

/// What one API key used.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct ApiKeyUsage {
    /// The key's id.
    pub api_key_id: ID,
    /// The key's name.
    pub name: String,
    /// How much.
    pub quantity: BigInt,
}

/// What one member used.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct MemberUsage {
    /// Whose doing it was; null once that account is gone.
    pub user: Option<User>,
    /// How much.
    pub quantity: BigInt,
}

/// What one voice accounts for.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
#[graphql(complex)]
pub struct VoiceUsage {
    /// The id of the voice, which may have been deleted; null once nothing of it is left in the history either.
    pub voice_id: Option<ID>,
    /// The name of the voice, or the last one that it had; null likewise.
    pub voice_name: Option<String>,
    /// How much.
    pub quantity: BigInt,
    #[graphql(skip)]
    address: Option<VoiceAddress>,
}

#[ComplexObject]
impl VoiceUsage {
    /// The voice as it is now; null once it is deleted. Requires `org:voices:read`; null without it.
    async fn voice(&self, context: &Context<'_>) -> ApiResult<Option<Voice>> {
        let Some(address) = self.address else {
            return Ok(None);
        };
        let loader = context
            .data::<DataLoader<VoiceLoader>>()
            .map_err(|_| ApiError::new(Code::Internal, "something went wrong on our side"))?;
        Ok(loader.load_one(address).await?)
    }
}

/// What an organization used in a period. What counts is what was charged: characters of generations that succeeded,
/// on the day on which they were asked for, and custom voices that were made. Requires `org:usage:read`.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(complex)]
pub struct Usage {
    /// The first day (UTC).
    pub from: Date,
    /// The last day (UTC).
    pub until: Date,
    #[graphql(skip)]
    organization: OrganizationId,
    #[graphql(skip)]
    period: services::UsagePeriod,
    #[graphql(skip)]
    request: Request,
}

#[ComplexObject]
impl Usage {
    /// How much of one metric was used.
    async fn total(&self, #[graphql(desc = "What is metered.")] metric: UsageMetric) -> ApiResult<BigInt> {
        let usage = self.request.usage();
        let total = usage
            .settled(self.organization, metric.into(), self.period)
            .await?;
        Ok(BigInt(total))
    }

    /// How many characters are held at this moment, whatever the period: set aside for generations that are not
    /// finished yet.
    async fn held_characters(&self) -> ApiResult<BigInt> {
        Ok(BigInt(self.request.usage().held(self.organization).await?))
    }

    /// How much was used day by day, earliest first. Days without usage are left out.
    async fn by_day(
        &self,
        #[graphql(desc = "What is metered.")] metric: UsageMetric,
    ) -> ApiResult<Vec<UsageDay>> {
        let usage = self.request.usage();
        let days = usage
            .by_day(self.organization, metric.into(), self.period)
            .await?;
        let days = days.into_iter().map(|day| UsageDay {
            day: Date(day.day),
            quantity: BigInt(day.quantity),
        });
        Ok(days.collect())
    }

    /// How much was used in each hour, day or month, earliest first. Those without usage are left out. By hours, a period has
    /// at most 32 days.
    async fn series(
        &self,
        #[graphql(desc = "What is metered.")] metric: UsageMetric,
        #[graphql(desc = "How finely.")] grain: UsageGrain,
        #[graphql(desc = "Whose usage; the whole organization's when nothing is said.")] of: Option<
            UsageSubjectInput,
        >,
    ) -> ApiResult<Vec<UsagePoint>> {
        let subject = match of {
            Some(input) => subject(self.organization, input)?,
            None => domain::UsageSubject::Organization,
        };
        let usage = self.request.usage();
        let points = usage
            .series(
                self.organization,
                metric.into(),
                grain.into(),
                &subject,
                self.period,
            )
            .await?;
        let points = points.into_iter().map(|point| UsagePoint {
            start: point.start,
            quantity: BigInt(point.quantity),
        });
        Ok(points.collect())
    }

    /// How much each engine accounts for, the greatest first.
    async fn by_engine(
        &self,
        #[graphql(desc = "What is metered.")] metric: UsageMetric,
    ) -> ApiResult<Vec<EngineUsage>> {
        let usage = self.request.usage();
        let engines = usage
            .by_engine(self.organization, metric.into(), self.period)
            .await?;
        let engines = engines.into_iter().map(|used| EngineUsage {
            engine: used.engine,
            quantity: BigInt(used.quantity),
        });
        Ok(engines.collect())
    }

    /// How much the organization's programs used, by API key, the greatest first.
    async fn by_api_key(
        &self,
        #[graphql(desc = "What is metered.")] metric: UsageMetric,
    ) -> ApiResult<Vec<ApiKeyUsage>> {
        let usage = self.request.usage();
        let keys = usage
            .by_key(self.organization, metric.into(), self.period)
            .await?;
        let keys = keys.into_iter().map(|used| ApiKeyUsage {
            api_key_id: InOrg::new(self.organization, used.key).global_id().into(),
            name: used.name,
            quantity: BigInt(used.quantity),
        });
        Ok(keys.collect())
    }

    /// How much each member used, the greatest first. People who left are in it.
    async fn by_member(
        &self,
        #[graphql(desc = "What is metered.")] metric: UsageMetric,
    ) -> ApiResult<Vec<MemberUsage>> {
        let usage = self.request.usage();
        let members = usage
            .by_member(self.organization, metric.into(), self.period)
            .await?;
        let ids: Vec<_> = members.iter().filter_map(|member| member.user).collect();
        let profiles = self.request.accounts().profiles(self.organization, &ids).await?;
        let mut users: HashMap<_, User> = profiles
            .into_iter()
            .map(|profile| (profile.id, profile.into()))
            .collect();
        let members = members.into_iter().map(|member| MemberUsage {
            user: member.user.and_then(|user| users.remove(&user)),
            quantity: BigInt(member.quantity),
        });
        Ok(members.collect())
    }

    /// How much each voice accounts for, the greatest first. Deleted voices are in it.
    async fn by_voice(
        &self,
        #[graphql(desc = "What is metered.")] metric: UsageMetric,
    ) -> ApiResult<Vec<VoiceUsage>> {
        let usage = self.request.usage();
        let voices = usage
            .by_voice(self.organization, metric.into(), self.period)
            .await?;
        let voices = voices.into_iter().map(|used| {
            let address = used.voice.zip(used.scope).map(|(id, scope)| match scope {
                VoiceScope::System => VoiceAddress::System(id),
                VoiceScope::Custom => VoiceAddress::Custom(InOrg::new(self.organization, id)),
            });
            VoiceUsage {
                voice_id: address.map(|address| address.global_id().into()),
                voice_name: used.name,
                quantity: BigInt(used.quantity),
                address,
            }
        });
        Ok(voices.collect())
    }
}

/// What an organization used in a period, for the field `usage` of `Organization`.
///
/// # Errors
/// `INVALID` for a wrong period; `NOT_FOUND` for whoever is no member; `FORBIDDEN` without `org:usage:read`.
pub async fn usage_of(
    context: &Context<'_>,
    organization: OrganizationId,
    period: Option<UsagePeriod>,
) -> ApiResult<Usage> {
    let request = request(context)?;
    let UsagePeriod { from, until } = period.unwrap_or_default();
    let days = request
        .usage()
        .period(from.map(|day| day.0), until.map(|day| day.0))?;
    request.usage().check(organization).await?;
    Ok(Usage {
        from: Date(days.from),
        until: Date(days.until),
        organization,
        period: days,
        request: request.clone(),
    })
}

/// Of another organization's key or voice nothing was used here.
fn subject(organization: OrganizationId, input: UsageSubjectInput) -> ApiResult<domain::UsageSubject> {
    let invalid = |message: &str| ApiError::invalid(FieldError::new(ErrorCode::Invalid, message).at("of"));
    Ok(match input {
        UsageSubjectInput::UserId(id) => {
            domain::UsageSubject::Member(id.parse().map_err(|_| invalid("must be a user's id"))?)
        }
        UsageSubjectInput::ApiKeyId(id) => match id.parse::<InOrg<ApiKeyId>>() {
            Ok(address) if address.organization == organization => domain::UsageSubject::ApiKey(address.id),
            _ => return Err(invalid("must be the id of a key of the organization")),
        },
        UsageSubjectInput::VoiceId(id) => match id.parse::<VoiceAddress>() {
            Ok(address) => domain::UsageSubject::Voice(address.id()),
            Err(_) => return Err(invalid("must be a voice's id")),
        },
        UsageSubjectInput::Engine(name) => domain::UsageSubject::Engine(name),
    })
}
