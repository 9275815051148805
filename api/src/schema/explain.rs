//! Why a click was judged and counted as it was, for a person who asks.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::{ApiScope, ClickId, Outcome, WorkspaceId};
use enrich::{Firsts, Step, explain_channel, explain_verdict, explain_visitor};
use store::{DeadLetter, StoreError};
use stream::{Captured, decode_captured};

use super::click::{Click, Verdict};
use super::context::{Services, reader, services};
use super::error::{ApiError, ApiResult};

/// Something that is to be known of a click.
#[derive(Clone, Debug, SimpleObject)]
pub struct ExplanationStep {
    /// Stable, for programs; more may come.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
}

impl From<Step> for ExplanationStep {
    fn from(step: Step) -> Self {
        Self { code: step.code, message: step.message }
    }
}

/// Why a click was judged and counted as it was.
#[derive(Clone, Debug, SimpleObject)]
pub struct ClickExplanation {
    /// Null where the click is not stored; `reasons` says why.
    pub click: Option<Click>,
    /// Whether counts that ask for nothing else include it: its visitor was sent on, and it is a person's.
    pub counted: bool,
    /// Why it is counted, or is not: what became of it first, then whose it is.
    pub reasons: Vec<ExplanationStep>,
    /// Null where the click is not stored.
    pub verdict: Option<Verdict>,
    /// What was known of it, in the order in which it mattered: the request, every signal that spoke, the network,
    /// the verdict, the rules, whether it was judged again, its visitor's day, its channel. Empty where the click is not
    /// stored.
    pub steps: Vec<ExplanationStep>,
}

#[derive(Default)]
pub struct ExplainQuery;

#[Object]
impl ExplainQuery {
    /// Why a click was judged and counted as it was. NOT_FOUND for a click that is not of this workspace, or that
    /// was never stored; one that was erased is remembered for three days, and one that the database refused as long
    /// as it is set aside.
    async fn explain_click(&self, ctx: &Context<'_>, id: ID) -> ApiResult<Option<ClickExplanation>> {
        let (services, workspace) = (services(ctx)?, reader(ctx, ApiScope::ClicksRead)?);
        let id: ClickId = id.parse().map_err(|_| ApiError::NotFound("click"))?;
        let scope = services.read(workspace).await?;
        let click = match scope.click(id).await {
            Ok(click) => click,
            Err(StoreError::NotFound) => {
                let kept_from = scope.forgotten().await?.kept_from;
                // Its transaction ends before another begins.
                drop(scope);
                return why_missing(services, workspace, id, kept_from).await.map(Some);
            }
            Err(error) => return Err(error.into()),
        };
        let marks = scope.day_marks(id).await?;
        let judged_again = scope.judged_again_at(click.occurred_at()).await?;
        drop(scope);
        let privacy = services.store.workspace_policy(workspace).await?.privacy;
        let mut steps = explain_verdict(&click);
        if let Some(at) = judged_again {
            steps.push(Step::new("JUDGED_AGAIN", format!("All clicks of that time were judged again; that ended at {at}.")));
        }
        let firsts = Firsts { of_link: marks.first_of_link, of_workspace: marks.first_of_workspace, told: marks.told };
        steps.extend(explain_visitor(&click, firsts, &privacy));
        steps.push(explain_channel(&click));
        Ok(Some(ClickExplanation {
            counted: click.outcome.is_counted() && click.verdict == domain::Verdict::Human,
            reasons: [outcome(click.outcome), whose(click.verdict)].into_iter().map(Into::into).collect(),
            verdict: Some(click.verdict.into()),
            steps: steps.into_iter().map(Into::into).collect(),
            click: Some(Click::new(workspace, click)),
        }))
    }
}

/// Nothing is told that the workspace's own settings and erasures, and the id itself, do not say.
async fn why_missing(
    services: &Services,
    workspace: WorkspaceId,
    id: ClickId,
    kept_from: domain::Millis,
) -> Result<ClickExplanation, ApiError> {
    if services.store.was_erased(workspace, id).await? {
        let reason =
            Step::new("ERASED", "The click was erased, because its visitor or the link's owner asked for it. Counts no longer have it.");
        return Ok(not_stored([reason]));
    }
    if let Some(letter) = set_aside(services, workspace, id).await? {
        return Ok(not_stored([refused(&letter), what_next(&letter, id.made_at() >= kept_from)]));
    }
    if id.made_at() < kept_from {
        return Err(ApiError::Gone(format!(
            "There is no such click in this workspace. Clicks from before {kept_from} are no longer kept, and were not stored where they came later than that."
        )));
    }
    Err(ApiError::NotFound("click"))
}

fn not_stored(reasons: impl IntoIterator<Item = Step>) -> ClickExplanation {
    let reasons = reasons.into_iter().map(Into::into).collect();
    ClickExplanation { click: None, counted: false, reasons, verdict: None, steps: Vec::new() }
}

/// The dead letter of a click of this workspace. A letter has its click's id, but only its record says whose it is:
/// one that cannot be read is told of to nobody.
async fn set_aside(services: &Services, workspace: WorkspaceId, id: ClickId) -> Result<Option<DeadLetter>, ApiError> {
    let letter = match services.store.dead_letter(id.0).await {
        Ok(letter) => letter,
        Err(StoreError::NotFound) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let is_own =
        matches!(decode_captured(&letter.record), Ok(Captured::Click(captured)) if captured.id == id && captured.workspace == workspace);
    Ok(is_own.then_some(letter))
}

/// What the database said of it is the operator's to know: it names what others may not.
fn refused(letter: &DeadLetter) -> Step {
    let message = format!(
        "The database refused the click's record, so it was set aside at {} and is not stored: no count has it. The visitor was answered \
         all the same.",
        letter.at
    );
    Step::new("SET_ASIDE", message)
}

fn what_next(letter: &DeadLetter, is_kept: bool) -> Step {
    if is_kept {
        let message = format!(
            "Whoever runs Link Logger sees why (`linklogger dead-letters list`) and can have it stored once that is mended \
             (`linklogger dead-letters retry {}`). It is counted then, in the time in which it was made.",
            letter.id
        );
        Step::new("CAN_BE_REPLAYED", message)
    } else {
        Step::new("NO_LONGER_KEPT", "The workspace no longer keeps clicks of its time, so it is not stored any more.")
    }
}

fn outcome(outcome: Outcome) -> Step {
    match outcome {
        Outcome::Redirected => Step::new("SENT_ON", "The visitor was sent on to the target: counts of its verdict have it."),
        Outcome::Fallback => {
            Step::new("SENT_TO_FALLBACK", "The visitor was sent on to the fallback address: counts of its verdict have it.")
        }
        Outcome::Expired => Step::new("EXPIRED", "The link was outside its time, so the visitor was not sent on: no count has it."),
        Outcome::Disabled => {
            Step::new("DISABLED", "The link was deleted or switched off, so the visitor was not sent on: no count has it.")
        }
        Outcome::Limit => Step::new("CLICK_LIMIT", "The link's click limit was reached, so the visitor was not sent on: no count has it."),
        Outcome::Password => Step::new("PASSWORD_ASKED", "The visitor was asked for a password and not sent on: no count has it."),
        Outcome::Preview => Step::new("PREVIEW_SHOWN", "Something was shown in place of the target, such as a preview: no count has it."),
    }
}

fn whose(verdict: domain::Verdict) -> Step {
    match verdict {
        domain::Verdict::Human => Step::new("HUMAN", "It is taken for a person's, whom counts are of unless others are asked for."),
        domain::Verdict::Suspected => {
            Step::new("SUSPECTED", "It may be a machine's: counts of people leave it out, counts of SUSPECTED have it.")
        }
        domain::Verdict::Bot => Step::new("BOT", "It is a machine's: counts of people leave it out, counts of BOT have it."),
        domain::Verdict::Internal => {
            Step::new("INTERNAL", "It is the workspace's own: counts of people leave it out, counts of INTERNAL have it.")
        }
    }
}
