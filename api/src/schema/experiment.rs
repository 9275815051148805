//! Experiments: the variants of a link's rule, and what may be concluded from their clicks. The mathematics is
//! `domain::experiment`; docs/experiments.md says what it means.

use std::collections::HashMap;

use async_graphql::{Context, Enum, ID, Object, SimpleObject};
use domain::{ApiScope, Destination, ExperimentResult, LinkId, Rule, Tried, TriedVariant, experiment_result, parse_conversion_name};

use super::context::{reader, services};
use super::error::{ApiError, ApiResult};

/// Variants that a rule no longer has, at most.
const MOST_FORMER: usize = 20;

/// How far an experiment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "domain::ExperimentStatus")]
pub enum ExperimentStatus {
    /// A variant has fewer than 100 exposures, or all together fewer than 10 conversions.
    Collecting,
    /// Nothing is decided yet.
    Running,
    /// One variant is better than each other one.
    Winner,
    /// Clicks are not shared out as the weights say, so nothing is concluded.
    Mismatch,
}

/// A variant's rate less the control's.
#[derive(Clone, Copy, Debug, SimpleObject)]
pub struct RateDifference {
    pub estimate: f64,
    /// The true difference is within low and high at all looks together with 95 %, for all variants together.
    pub low: f64,
    pub high: f64,
}

/// A variant, and what was seen of it.
#[derive(Clone, Debug, SimpleObject)]
pub struct ExperimentVariant {
    pub name: String,
    /// By which clicks are shared out now; 0 for one that gets none any more, or that the rule no longer has.
    pub weight: u32,
    /// People's clicks that it got: every click, also of one visitor.
    pub exposures: u64,
    /// Of these, those with a conversion; however many, each counts once.
    pub conversions: u64,
    /// Conversions for each exposure, 0 to 1. Null without exposures.
    pub rate: Option<f64>,
    /// The true rate is within low and high at all looks together with 95 %.
    pub low: f64,
    pub high: f64,
    /// How probable it is that this variant's rate is the highest, if all rates were equally so before. It is not
    /// what decides: who waits until it is high will see it high. Null for variants without a weight.
    pub probability_best: Option<f64>,
    /// To the first variant, the control. Null for the control, for variants without a weight, and while one of the
    /// two has no exposures.
    pub difference: Option<RateDifference>,
}

/// What the variants of a rule have led to so far. All of it may be looked at as often as one likes.
#[derive(Clone, Debug, SimpleObject)]
pub struct Experiment {
    pub rule_id: ID,
    pub rule_name: String,
    pub status: ExperimentStatus,
    /// Whether each variant has 100 exposures and all together 10 conversions.
    pub minimum_reached: bool,
    /// In the rule's order, the control first; after them at most 20 that it no longer has.
    pub variants: Vec<ExperimentVariant>,
    /// The name of the variant that is better than each other one. A wrong one is ever told in at most 5 of 100
    /// experiments. Null until the status is WINNER.
    pub winner: Option<String>,
    /// What is wrong with the experiment, and what to do, in a sentence. Null where nothing is known to be.
    pub warning: Option<String>,
}

#[derive(Default)]
pub struct ExperimentQuery;

#[Object]
impl ExperimentQuery {
    /// The experiment of a link's rule; of the first rule with variants unless one is named. `name` takes conversions
    /// of that name only. Null where the link has no rule with variants; NOT_FOUND where the named one has none.
    async fn experiment(&self, ctx: &Context<'_>, link_id: ID, rule_id: Option<ID>, name: Option<String>) -> ApiResult<Option<Experiment>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let name = name.map(|name| parse_conversion_name("name", &name)).transpose()?;
        let link: LinkId = link_id.parse().map_err(|_| ApiError::NotFound("link"))?;
        let scope = services.read(workspace).await?;
        let link = scope.link(link).await.map_err(|error| match error {
            store::StoreError::NotFound => ApiError::NotFound("link"),
            other => other.into(),
        })?;
        let wanted = |rule: &&Rule| rule_id.as_ref().is_none_or(|id| rule.id.to_string() == id.as_str());
        let with_variants = |rule: &&Rule| matches!(rule.destination, Destination::Variants(_));
        let Some(rule) = link.gate.rules.iter().filter(with_variants).find(wanted) else {
            return if rule_id.is_some() { Err(ApiError::NotFound("rule with variants")) } else { Ok(None) };
        };
        let tried = scope.variants_tried(link.id, rule.id, name.as_deref()).await?;
        let variants = with_weights(rule, tried);
        let result = experiment_result(&variants);
        Ok(Some(told(rule, &variants, &result)))
    }
}

/// The rule's variants in its order, then the most met of those that it no longer has.
fn with_weights(rule: &Rule, tried: Vec<(String, Tried)>) -> Vec<TriedVariant> {
    let Destination::Variants(experiment) = &rule.destination else { return Vec::new() };
    let mut former = tried.clone();
    former.retain(|(name, _)| experiment.variants.iter().all(|variant| variant.name != *name));
    let mut known: HashMap<String, Tried> = tried.into_iter().collect();
    let present = experiment.variants.iter().map(|variant| TriedVariant {
        name: variant.name.clone(),
        weight: variant.weight,
        tried: known.remove(&variant.name).unwrap_or_default(),
    });
    let former = former.into_iter().take(MOST_FORMER).map(|(name, tried)| TriedVariant { name, weight: 0, tried });
    present.collect::<Vec<_>>().into_iter().chain(former).collect()
}

fn told(rule: &Rule, variants: &[TriedVariant], result: &ExperimentResult) -> Experiment {
    let variant = |(variant, seen): (&TriedVariant, &domain::VariantResult)| ExperimentVariant {
        name: variant.name.clone(),
        weight: variant.weight,
        exposures: variant.tried.exposures(),
        conversions: variant.tried.conversions(),
        rate: variant.tried.rate(),
        low: seen.rate.low,
        high: seen.rate.high,
        probability_best: seen.probability_best,
        difference: seen.difference.map(|difference| RateDifference {
            estimate: difference.estimate,
            low: difference.interval.low,
            high: difference.interval.high,
        }),
    };
    Experiment {
        rule_id: rule.id.to_string().into(),
        rule_name: rule.name.clone(),
        status: result.status.into(),
        minimum_reached: result.minimum_reached,
        variants: variants.iter().zip(&result.variants).map(variant).collect(),
        winner: result.winner.and_then(|at| variants.get(at)).map(|variant| variant.name.clone()),
        warning: warning(variants, result),
    }
}

fn warning(variants: &[TriedVariant], result: &ExperimentResult) -> Option<String> {
    if result.status == domain::ExperimentStatus::Mismatch {
        let text = "The variants do not get clicks in the shares that their weights say, so they are not compared. If the weights or the \
                    variants were changed on the way, or one program clicks again and again, begin anew with a new rule.";
        return Some(text.to_owned());
    }
    let former = variants.iter().any(|variant| variant.weight == 0 && variant.tried.exposures() > 0);
    former.then(|| "Variants that get no more clicks are shown and not compared. To compare all, begin anew with a new rule.".to_owned())
}
