//! [`ClickFilter`] as a condition on rows of `clicks`: the SQL twin of `ClickFilter::matches` and
//! `matches_link`. Text from outside is bound, never written into a statement.
//!
//! Each condition is true or false, never unknown, also of NULL: so it can be turned round.

use domain::{
    BucketSpan, ClickFilter, ClickId, ClickProperties, HostName, MetadataChoice, Millis, Outcome, Parameter, ParameterChoice, Tag,
};
use entity::click::Column;
use entity::{domain as own_domain, link, link_metadata, link_tag};
use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoColumnRef, IntoTableRef, LikeExpr, SelectStatement, SimpleExpr, Value};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait as _, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use crate::WorkspaceScope;

impl WorkspaceScope {
    /// The clicks that match.
    pub(crate) fn matching(&self, filter: &ClickFilter) -> Condition {
        let mut all = Condition::all().add(Column::WorkspaceId.eq(self.workspace.0)).add(self.of_links(filter, Column::LinkId));
        // Ranges of time are ranges of ids, which is what rows are found and partitioned by.
        if let Some(from) = filter.from {
            all = all.add(Column::Id.gte(ClickId::floor(from).0));
        }
        if let Some(to) = filter.to.filter(|to| *to < Millis::MAX) {
            all = all.add(Column::Id.lt(ClickId::floor(to).0));
        }
        let holds = if self.transaction.get_database_backend() == DbBackend::Postgres { "strpos" } else { "instr" };
        let unwanted = properties(&filter.exclude, holds).into_iter().map(Condition::not);
        properties(&filter.include, holds).into_iter().chain(unwanted).fold(all, Condition::add)
    }

    /// The clicks that match and that counts take.
    pub(crate) fn counted(&self, filter: &ClickFilter) -> Condition {
        let counted = Outcome::ALL.iter().filter(|outcome| outcome.is_counted()).map(|outcome| outcome.code());
        self.matching(filter).add(Column::Outcome.is_in(counted))
    }

    /// The rows of the links that match, whatever table `column` is of. What is asked of links is looked up in
    /// the same statement, so they are those of now.
    pub(crate) fn of_links(&self, filter: &ClickFilter, column: impl ColumnTrait) -> Condition {
        let named = |properties: &ClickProperties| {
            let ids = properties.links.iter().map(|link| link.0);
            let links = (!properties.links.is_empty()).then(|| Condition::all().add(column.is_in(ids)));
            let on_domains = || Condition::all().add(column.in_subquery(self.links_on(&properties.domains)));
            let domains = (!properties.domains.is_empty()).then(on_domains);
            let tags = (!properties.tags.is_empty()).then(|| self.with_tags(&properties.tags, column));
            let in_folders = || Condition::all().add(column.in_subquery(self.links_in(&properties.folders)));
            let folders = (!properties.folders.is_empty()).then(in_folders);
            let metadata: Vec<Condition> = properties.metadata.iter().map(|wanted| self.with_metadata_of(wanted, column)).collect();
            [links, domains, tags, folders].into_iter().flatten().chain(metadata)
        };
        named(&filter.include).chain(named(&filter.exclude).map(Condition::not)).fold(Condition::all(), Condition::add)
    }

    /// The ids of the links on these domains, of which removed ones have theirs still.
    fn links_on(&self, domains: &[Option<HostName>]) -> SelectStatement {
        let of_hosts = own_domain::Entity::find()
            .select_only()
            .column(own_domain::Column::Id)
            .filter(own_domain::Column::WorkspaceId.eq(self.workspace.0))
            .filter(own_domain::Column::Host.is_in(domains.iter().flatten().map(HostName::as_str)));
        let own = link::Column::DomainId.in_subquery(of_hosts.into_query());
        let shared = domains.contains(&None).then(|| link::Column::DomainId.is_null());
        link::Entity::find()
            .select_only()
            .column(link::Column::Id)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(Condition::any().add(own).add_option(shared))
            .into_query()
    }

    /// The rows of links with any of these tags, or without one where `None` is among them.
    pub(crate) fn with_tags(&self, tags: &[Option<Tag>], column: impl ColumnTrait) -> Condition {
        let tagged = || {
            let rows = link_tag::Entity::find().select_only().column(link_tag::Column::LinkId);
            rows.filter(link_tag::Column::WorkspaceId.eq(self.workspace.0))
        };
        let named = tagged().filter(link_tag::Column::Tag.is_in(tags.iter().flatten().map(Tag::folded)));
        let bare = tags.contains(&None).then(|| column.not_in_subquery(tagged().into_query()));
        Condition::any().add(column.in_subquery(named.into_query())).add_option(bare)
    }

    /// The ids of the links in these folders.
    fn links_in(&self, folders: &[Option<String>]) -> SelectStatement {
        let named = link::Column::Folder.is_in(folders.iter().flatten().map(String::as_str));
        let in_none = folders.contains(&None).then(|| link::Column::Folder.is_null());
        link::Entity::find()
            .select_only()
            .column(link::Column::Id)
            .filter(link::Column::WorkspaceId.eq(self.workspace.0))
            .filter(Condition::any().add(named).add_option(in_none))
            .into_query()
    }

    fn with_metadata_of(&self, wanted: &MetadataChoice, column: impl ColumnTrait) -> Condition {
        let of_key = || {
            let rows = link_metadata::Entity::find().select_only().column(link_metadata::Column::LinkId);
            rows.filter(link_metadata::Column::WorkspaceId.eq(self.workspace.0)).filter(link_metadata::Column::Key.eq(wanted.key.as_str()))
        };
        let named = of_key().filter(link_metadata::Column::Value.is_in(wanted.values.iter().flatten().map(String::as_str)));
        let without = wanted.values.contains(&None).then(|| column.not_in_subquery(of_key().into_query()));
        Condition::any().add(column.in_subquery(named.into_query())).add_option(without)
    }
}

/// Has text ordered by its bytes on both databases, whatever collation PostgreSQL was set up with.
pub(crate) fn by_bytes(scope: &WorkspaceScope) -> &'static str {
    if scope.transaction.get_database_backend() == DbBackend::Postgres { " COLLATE \"C\"" } else { "" }
}

/// Joins a table whose rows are looked up for each row of those before it, where `same` holds. SQLite has no statistics
/// here and takes a workspace for ten rows, so it would rather read all clicks of a range for a few conversions, or all
/// links for each click; CROSS JOIN has it keep to the order that is written. PostgreSQL knows better by itself.
pub(crate) fn look_up<E: EntityTrait>(mut query: Select<E>, table: impl IntoTableRef, same: SimpleExpr) -> Select<E> {
    QuerySelect::query(&mut query).cross_join(table);
    query.filter(same)
}

/// A condition for each field that asks anything of the clicks themselves.
fn properties(asked: &ClickProperties, holds: &'static str) -> Vec<Condition> {
    let code = |column: Column, codes: Vec<i16>| (!codes.is_empty()).then(|| Condition::all().add(column.is_in(codes)));
    let channels = asked.channels.iter().flatten().map(|channel| channel.code());
    let channels = (!asked.channels.is_empty()).then(|| among(Column::Channel, channels, asked.channels.contains(&None)));
    let codes = [
        code(Column::Verdict, asked.verdicts.iter().map(|verdict| verdict.code()).collect()),
        code(Column::Outcome, asked.outcomes.iter().map(|outcome| outcome.code()).collect()),
        code(Column::Device, asked.devices.iter().map(|device| device.code()).collect()),
        channels,
    ];
    let texts = asked.text_fields().into_iter().filter(|(_, wanted)| !wanted.is_empty());
    let texts = texts.map(|(column, wanted)| any_of(column, wanted));
    codes.into_iter().flatten().chain(texts).chain(asked.parameters.iter().map(|parameter| has(parameter, holds))).collect()
}

/// Parameters are stored as serde writes them, `[{"key":"a","value":"b"}]`, and no quotation mark within a
/// text is without its backslash: what looks like such an object is one, and the same text on both databases.
fn has(wanted: &ParameterChoice, holds: &'static str) -> Condition {
    let written = |value: &str| {
        let parameter = Parameter { key: wanted.key.clone(), value: value.to_owned() };
        serde_json::to_string(&parameter).unwrap_or_default()
    };
    let found = |text: String| Expr::expr(Func::cust(holds).arg(Expr::col(Column::Parameters)).arg(text));
    let known = wanted.values.iter().flatten().map(|value| found(written(value)).gt(0));
    let of_key = || written("").trim_end_matches("\"}").to_owned();
    let missing = wanted.values.contains(&None).then(|| found(of_key()).eq(0));
    known.chain(missing).fold(Condition::any(), Condition::add)
}

/// Whether a column has one of these values, or is NULL where that is what `unknown` asks for.
fn among<V: Into<Value>>(column: impl IntoColumnRef + Copy, values: impl Iterator<Item = V>, unknown: bool) -> Condition {
    let (null, known) = (Expr::col(column).is_null(), Expr::col(column).is_in(values));
    if unknown { Condition::any().add(null).add(known) } else { Condition::all().add(null.not()).add(known) }
}

/// As [`among`], of whatever gives a text.
pub(crate) fn among_expr(text: SimpleExpr, wanted: &[Option<String>]) -> Condition {
    let (null, known) = (text.clone().is_null(), text.is_in(wanted.iter().flatten().map(String::as_str)));
    if wanted.contains(&None) { Condition::any().add(null).add(known) } else { Condition::all().add(null.not()).add(known) }
}

/// As [`among`], of a text.
pub(crate) fn any_of(column: &'static str, wanted: &[Option<String>]) -> Condition {
    among(column, wanted.iter().flatten().map(String::as_str), wanted.contains(&None))
}

/// The same filter, cut to the range of `spans`.
pub(crate) fn within(filter: &ClickFilter, spans: &[BucketSpan]) -> ClickFilter {
    let (first, last) = (spans.first().map(|span| span.start), spans.last().map(|span| span.end));
    let to = filter.to.into_iter().chain(last).min();
    ClickFilter { from: filter.from.max(first), to, ..filter.clone() }
}

/// Whether a text has `part` in it, without regard to case.
///
/// SQLite, and PostgreSQL under the C collation, know the case of ASCII letters only; others match
/// where they are all small or all capital in the text, like the first letter of "Örebro".
pub(crate) fn contains(column: impl ColumnTrait, part: &str) -> Condition {
    contains_expr(Expr::col(column), part)
}

/// The same of whatever gives a text.
pub(crate) fn contains_expr(expr: SimpleExpr, part: &str) -> Condition {
    let pattern = |part: &str| {
        let mut pattern = String::from("%");
        for letter in part.chars() {
            if matches!(letter, '%' | '_' | ESCAPE) {
                pattern.push(ESCAPE);
            }
            pattern.push(letter);
        }
        LikeExpr::new(pattern + "%").escape(ESCAPE)
    };
    let text = || Expr::expr(Func::lower(expr.clone()));
    Condition::any().add(text().like(pattern(&part.to_lowercase()))).add(text().like(pattern(&part.to_uppercase().to_ascii_lowercase())))
}

/// Not the backslash, which PostgreSQL can be set to read twice.
const ESCAPE: char = '!';
