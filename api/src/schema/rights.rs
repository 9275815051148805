//! What a program with an API key may ask for: one table of root fields and the scope that each
//! needs. A field that is not in it is not for keys; a test keeps the table complete.

use std::collections::HashSet;

use async_graphql::Request;
use async_graphql::parser::types::{ExecutableDocument, OperationType, Selection, SelectionSet};
use domain::ApiScope;

use super::error::ApiError;
use crate::caller::{Caller, Key};

/// What a root field asks of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Scope(ApiScope),
    /// Any key will do.
    Nothing,
    /// Accounts, members and keys are people's to manage.
    Person,
}

const LINKS_READ: Need = Need::Scope(ApiScope::LinksRead);
const LINKS_WRITE: Need = Need::Scope(ApiScope::LinksWrite);
const CLICKS_READ: Need = Need::Scope(ApiScope::ClicksRead);
const CONVERSIONS_WRITE: Need = Need::Scope(ApiScope::ConversionsWrite);

pub(crate) const QUERIES: &[(&str, Need)] = &[
    ("annotations", CLICKS_READ),
    ("apiKeys", Need::Person),
    ("auditLog", Need::Person),
    ("campaignComparison", CLICKS_READ),
    ("clickBreakdown", CLICKS_READ),
    ("clickSeries", CLICKS_READ),
    ("clickTotals", CLICKS_READ),
    ("clicks", CLICKS_READ),
    ("conversionBreakdown", CLICKS_READ),
    ("conversionTotals", CLICKS_READ),
    ("domains", LINKS_READ),
    ("folders", LINKS_READ),
    ("experiment", CLICKS_READ),
    ("funnel", CLICKS_READ),
    ("explainClick", CLICKS_READ),
    ("heatmap", CLICKS_READ),
    ("ingestLosses", CLICKS_READ),
    ("job", Need::Person),
    ("lastTouch", CLICKS_READ),
    ("link", LINKS_READ),
    ("linkAgeCohorts", CLICKS_READ),
    ("linkReports", LINKS_READ),
    ("links", LINKS_READ),
    ("missedSlugs", CLICKS_READ),
    ("misses", CLICKS_READ),
    ("liveVisitors", CLICKS_READ),
    ("pipeline", Need::Person),
    ("tags", LINKS_READ),
    ("recipientClicks", CLICKS_READ),
    ("recipientLists", CLICKS_READ),
    ("retentionCohorts", CLICKS_READ),
    ("viewer", Need::Person),
    ("workspace", Need::Nothing),
];

pub(crate) const MUTATIONS: &[(&str, Need)] = &[
    ("addDomain", Need::Person),
    ("archiveLink", LINKS_WRITE),
    ("createAnnotation", LINKS_WRITE),
    ("createApiKey", Need::Person),
    ("createLink", LINKS_WRITE),
    ("deleteAnnotation", LINKS_WRITE),
    ("deleteLink", LINKS_WRITE),
    ("deleteLinkHistory", Need::Person),
    ("deleteRecipientList", LINKS_WRITE),
    ("deleteWorkspace", Need::Person),
    ("eraseVisitor", Need::Person),
    ("exportClicks", Need::Person),
    ("exportWorkspace", Need::Person),
    ("importRecipients", LINKS_WRITE),
    ("reclassify", Need::Person),
    ("refreshSession", Need::Person),
    ("removeDomain", Need::Person),
    ("removeRecipients", LINKS_WRITE),
    ("resolveLinkReport", LINKS_WRITE),
    ("restoreWorkspace", Need::Person),
    ("revokeApiKey", Need::Person),
    ("rotateSigningSecret", Need::Person),
    ("signIn", Need::Person),
    ("signOut", Need::Person),
    ("signRedirectUrl", LINKS_WRITE),
    ("signUp", Need::Person),
    ("trackConversion", CONVERSIONS_WRITE),
    ("updateAnnotation", LINKS_WRITE),
    ("updateDomain", Need::Person),
    ("updateLink", LINKS_WRITE),
    ("updateWorkspace", Need::Person),
    ("verifyDomain", Need::Person),
];

pub(crate) const SUBSCRIPTIONS: &[(&str, Need)] = &[("clickCounters", CLICKS_READ), ("clicks", CLICKS_READ)];

/// Whether the caller may run this document. Sessions are held by their roles, at each field.
///
/// # Errors
/// [`ApiError::Forbidden`] or [`ApiError::Scope`] for the first root field that is not for this key.
pub(crate) fn check(caller: &Caller, request: &mut Request) -> Result<(), ApiError> {
    let Caller::Key(key) = caller else { return Ok(()) };
    let name = request.operation_name.clone();
    // What does not parse is left to the schema to tell.
    let Ok(document) = request.parsed_query() else { return Ok(()) };
    let chosen = |known: Option<&str>| name.as_deref().is_none_or(|name| known == Some(name));
    let operations = document.operations.iter().filter(|(known, _)| chosen(known.map(|known| known.as_str())));
    operations.into_iter().try_for_each(|(_, operation)| {
        let table = match operation.node.ty {
            OperationType::Query => QUERIES,
            OperationType::Mutation => MUTATIONS,
            OperationType::Subscription => SUBSCRIPTIONS,
        };
        fields(key, table, document, &operation.node.selection_set.node, &mut HashSet::new())
    })
}

/// What is in `seen` was checked; the shell has bounded the nesting.
fn fields<'a>(
    key: &Key,
    table: &[(&str, Need)],
    document: &'a ExecutableDocument,
    set: &'a SelectionSet,
    seen: &mut HashSet<&'a str>,
) -> Result<(), ApiError> {
    set.items.iter().try_for_each(|item| match &item.node {
        Selection::Field(field) => allow(key, table, field.node.name.node.as_str()),
        Selection::InlineFragment(fragment) => fields(key, table, document, &fragment.node.selection_set.node, seen),
        Selection::FragmentSpread(spread) => {
            let name = spread.node.fragment_name.node.as_str();
            match document.fragments.get(name).filter(|_| seen.insert(name)) {
                Some(fragment) => fields(key, table, document, &fragment.node.selection_set.node, seen),
                None => Ok(()),
            }
        }
    })
}

fn allow(key: &Key, table: &[(&str, Need)], field: &str) -> Result<(), ApiError> {
    if field.starts_with("__") {
        return Ok(());
    }
    match table.iter().find(|(name, _)| *name == field).map(|(_, need)| *need) {
        Some(Need::Nothing) => Ok(()),
        Some(Need::Scope(scope)) if key.scopes.contains(&scope) => Ok(()),
        Some(Need::Scope(scope)) => Err(ApiError::Scope(scope)),
        Some(Need::Person) | None => Err(ApiError::Forbidden("API keys cannot do this. Sign in as a member of the workspace.")),
    }
}

#[cfg(test)]
mod tests {
    use domain::{ApiKeyId, Millis, WorkspaceId};

    use super::*;
    use crate::schema::error::ErrorCode;

    /// The root fields of a type, as the SDL names them.
    fn root_fields(ty: &str) -> Vec<String> {
        let sdl = crate::schema::sdl();
        let body = sdl.split_once(&format!("\ntype {ty} ")).unwrap().1.split_once("\n}").unwrap().0;
        let is_field =
            |line: &&str| line.starts_with('\t') && !line.starts_with("\t\t") && line.chars().nth(1).is_some_and(char::is_alphabetic);
        let mut in_text = false;
        let mut names = Vec::new();
        for line in body.lines() {
            if line.trim() == "\"\"\"" {
                in_text = !in_text;
            } else if !in_text && is_field(&line) {
                names.push(line.trim().split(['(', ':']).next().unwrap().to_owned());
            }
        }
        names.sort();
        names
    }

    #[test]
    fn every_root_field_says_what_it_asks_of_a_key() {
        for (ty, table) in [("Query", QUERIES), ("Mutation", MUTATIONS), ("LiveSubscription", SUBSCRIPTIONS)] {
            let mut known: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
            known.sort_unstable();
            assert_eq!(root_fields(ty), known, "the table of {ty} and the SDL differ");
        }
    }

    fn code(scopes: &[ApiScope], query: &str) -> Option<ErrorCode> {
        let (id, workspace) = (ApiKeyId::new(Millis(1), [1; 10]), WorkspaceId::new(Millis(1), [2; 10]));
        let caller = Caller::Key(Key { id, workspace, scopes: scopes.to_vec(), expires_at: None });
        check(&caller, &mut Request::new(query)).err().map(|error| error.code())
    }

    #[test]
    fn fields_are_found_wherever_they_hide() {
        let read = [ApiScope::ClicksRead];
        assert_eq!(code(&read, "{ __typename clicks { nodes { id } } }"), None);
        for hidden in [
            "{ links { nodes { id } } }",
            "{ clicks: links { nodes { id } } }",
            "{ ... { links { nodes { id } } } }",
            "{ ...on Query { ... { links { nodes { id } } } } }",
            "{ ...F } fragment F on Query { ...G } fragment G on Query { viewer { user { id } } }",
            "query A { clicks { nodes { id } } } query B { links { nodes { id } } }",
            "mutation { createApiKey(input: {}) { secret } }",
            "{ unknown }",
        ] {
            assert_eq!(code(&read, hidden), Some(ErrorCode::Forbidden), "{hidden}");
        }
        assert_eq!(code(&ApiScope::ALL, "mutation { createApiKey(input: {}) { secret } }"), Some(ErrorCode::Forbidden));
        assert_eq!(code(&ApiScope::ALL, "{ not graphql"), None);
    }
}
