//! Annotations of a workspace. There are at most [`MAX_ANNOTATIONS`]: above that the oldest of those that note
//! themselves make room, and nobody's own.

mod noted;

pub(crate) use noted::note_job;

use domain::{Annotation, AnnotationChange, AnnotationId, AnnotationKind, LinkId, Millis, UserId};
use entity::annotation::{ActiveModel, Column, Entity, Model};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
    Statement,
};
use uuid::Uuid;

use crate::clicks::PageRequest;
use crate::{Conflict, StoreError, WorkspaceScope};

pub const MAX_ANNOTATIONS: u64 = 10_000;

/// Which annotations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnotationFilter {
    /// Those that are not over by then.
    pub from: Option<Millis>,
    /// Those that begin before then.
    pub to: Option<Millis>,
    /// Of these links, `None` among them for those of the whole workspace; of all where empty.
    pub links: Vec<Option<LinkId>>,
    /// Of all where empty.
    pub kinds: Vec<AnnotationKind>,
}

/// Where an annotation stands among all: by its beginning, then by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnotationPlace {
    pub at: Millis,
    pub id: AnnotationId,
}

/// A part of the annotations, latest first.
#[derive(Clone, Debug)]
pub struct AnnotationPage {
    pub annotations: Vec<Annotation>,
    pub has_next: bool,
    pub has_previous: bool,
}

impl WorkspaceScope {
    /// # Errors
    /// [`StoreError::NotFound`] when its link is not of this workspace, [`StoreError::TooMany`] when there are
    /// as many of one's own as there may be.
    pub async fn create_annotation(&self, annotation: &Annotation) -> Result<(), StoreError> {
        // Whoever adds one too waits here, or two could both find room for one.
        self.lock_workspace().await?;
        if let Some(link) = annotation.link {
            self.link(link).await?;
        }
        if !self.make_room().await? {
            return Err(StoreError::TooMany);
        }
        Entity::insert(row(self.workspace.0, annotation)).exec_without_returning(&self.transaction).await?;
        Ok(())
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn annotation(&self, id: AnnotationId) -> Result<Annotation, StoreError> {
        let found = self.annotation_rows().filter(Column::Id.eq(id.0)).one(&self.transaction).await?;
        read(found.ok_or(StoreError::NotFound)?)
    }

    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] with `Fixed` for what noted itself.
    pub async fn update_annotation(&self, id: AnnotationId, change: AnnotationChange) -> Result<Annotation, StoreError> {
        if self.annotation(id).await?.kind != AnnotationKind::Note {
            return Err(StoreError::Conflict(Conflict::Fixed));
        }
        let mut changed = ActiveModel::default();
        if let Some(at) = change.at {
            changed.at = Set(at.0);
        }
        if let Some(until) = change.until {
            changed.until = Set(until.map(|until| until.0));
        }
        if let Some(text) = change.text {
            changed.text = Set(text);
        }
        let of = Column::WorkspaceId.eq(self.workspace.0);
        if changed != ActiveModel::default() {
            Entity::update_many().set(changed).filter(of).filter(Column::Id.eq(id.0)).exec(&self.transaction).await?;
        }
        self.annotation(id).await
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn delete_annotation(&self, id: AnnotationId) -> Result<(), StoreError> {
        let of = Column::WorkspaceId.eq(self.workspace.0);
        let deleted = Entity::delete_many().filter(of).filter(Column::Id.eq(id.0)).exec(&self.transaction).await?;
        if deleted.rows_affected == 1 { Ok(()) } else { Err(StoreError::NotFound) }
    }

    /// Latest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn annotations(&self, filter: &AnnotationFilter, page: &PageRequest<AnnotationPlace>) -> Result<AnnotationPage, StoreError> {
        let place = || Expr::tuple([Expr::col(Column::At), Expr::col(Column::Id)]);
        let value = |place: AnnotationPlace| Expr::tuple([place.at.0.into(), place.id.0.into()]);
        let mut query = self.annotation_rows().filter(matching(filter));
        if let Some(after) = page.after {
            query = query.filter(place().lt(value(after)));
        }
        if let Some(before) = page.before {
            query = query.filter(place().gt(value(before)));
        }
        query = match page.backwards {
            true => query.order_by_asc(Column::At).order_by_asc(Column::Id),
            false => query.order_by_desc(Column::At).order_by_desc(Column::Id),
        };
        let rows = query.limit(page.limit + 1).all(&self.transaction).await?;
        let (rows, has_next, has_previous) = page.cut(rows);
        Ok(AnnotationPage { annotations: rows.into_iter().map(read).collect::<Result<_, _>>()?, has_next, has_previous })
    }

    /// # Errors
    /// When the database does not answer.
    pub async fn count_annotations(&self, filter: &AnnotationFilter) -> Result<u64, StoreError> {
        Ok(self.annotation_rows().filter(matching(filter)).count(&self.transaction).await?)
    }

    /// Annotations after that one in the order of their ids.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn annotations_after(&self, after: Option<AnnotationId>, limit: u64) -> Result<Vec<Annotation>, StoreError> {
        let mut query = self.annotation_rows().order_by_asc(Column::Id).limit(limit);
        if let Some(after) = after {
            query = query.filter(Column::Id.gt(after.0));
        }
        query.all(&self.transaction).await?.into_iter().map(read).collect()
    }

    /// The addresses of those of these users who are members.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn email_of_member(&self, user: UserId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.workspace_id = $1 AND m.user_id = $2";
        let values = [self.workspace.0.into(), user.0.into()];
        let statement = Statement::from_sql_and_values(self.transaction.get_database_backend(), sql, values);
        let row = self.transaction.query_one_raw(statement).await?;
        Ok(row.map(|row| row.try_get("", "email")).transpose()?)
    }

    fn annotation_rows(&self) -> Select<Entity> {
        Entity::find().filter(Column::WorkspaceId.eq(self.workspace.0))
    }

    /// Whether one more may be stored; where it is full, the oldest that noted itself goes.
    async fn make_room(&self) -> Result<bool, StoreError> {
        if self.annotation_rows().count(&self.transaction).await? < MAX_ANNOTATIONS {
            return Ok(true);
        }
        let noted = self.annotation_rows().filter(Column::Kind.ne(AnnotationKind::Note.code())).order_by_asc(Column::At);
        let oldest: Option<Uuid> = noted.select_only().column(Column::Id).into_tuple().one(&self.transaction).await?;
        let Some(oldest) = oldest else { return Ok(false) };
        self.delete_annotation(AnnotationId(oldest)).await?;
        Ok(true)
    }
}

fn matching(filter: &AnnotationFilter) -> Condition {
    let not_over = |from: Millis| Condition::any().add(Column::Until.gt(from.0)).add(Column::At.gte(from.0));
    let links = (!filter.links.is_empty()).then(|| {
        let whole = filter.links.contains(&None).then(|| Column::LinkId.is_null());
        Condition::any().add(Column::LinkId.is_in(filter.links.iter().flatten().map(|link| link.0))).add_option(whole)
    });
    let kinds = (!filter.kinds.is_empty()).then(|| Column::Kind.is_in(filter.kinds.iter().map(|kind| kind.code())));
    Condition::all()
        .add_option(filter.from.map(not_over))
        .add_option(filter.to.map(|to| Column::At.lt(to.0)))
        .add_option(links)
        .add_option(kinds)
}

fn row(workspace: Uuid, annotation: &Annotation) -> ActiveModel {
    ActiveModel {
        id: Set(annotation.id.0),
        workspace_id: Set(workspace),
        at: Set(annotation.at.0),
        until: Set(annotation.until.map(|until| until.0)),
        kind: Set(annotation.kind.code()),
        text: Set(annotation.text.clone()),
        link_id: Set(annotation.link.map(|link| link.0)),
        author_id: Set(annotation.author.map(|author| author.0)),
        created_at: Set(annotation.created_at.0),
    }
}

fn read(row: Model) -> Result<Annotation, StoreError> {
    let unknown = || StoreError::Internal(format!("no annotation has the kind {}", row.kind));
    Ok(Annotation {
        id: AnnotationId(row.id),
        at: Millis(row.at),
        until: row.until.map(Millis),
        kind: AnnotationKind::from_code(row.kind).ok_or_else(unknown)?,
        text: row.text,
        link: row.link_id.map(LinkId),
        author: row.author_id.map(UserId),
        created_at: Millis(row.created_at),
    })
}
