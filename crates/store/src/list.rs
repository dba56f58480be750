//! Lists: filters, tags, sorting and paging, the same for every resource (contract 4).

use std::fmt::Write;

use evenkeel_model::{L7PolicyId, PoolId, ProjectId, Record};
use uuid::Uuid;

use crate::StoreError;
use crate::column::{Column, Kind};
use crate::engine::{Session, Value};
use crate::stored::{Stored, columns, from, records, select};

/// Whose objects a list can hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    All,
    /// Those of one project.
    Project(ProjectId),
    /// Those of one pool: members.
    Pool(PoolId),
    /// Those of one policy: rules.
    Policy(L7PolicyId),
}

/// What a list shall hold, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// All of these hold.
    pub filters: Vec<Filter>,
    /// And all of these.
    pub tags: TagFilter,
    /// Column and direction, the most important first. Age and id always follow.
    pub sort: Vec<(String, Direction)>,
    /// How many at most; `None` is all.
    pub limit: Option<u32>,
    /// Begin behind the object with this id.
    pub marker: Option<Uuid>,
    /// End before the marker instead.
    pub reverse: bool,
}

/// A column and what it shall be, as the client wrote it.
///
/// Values are read leniently (contract 4.2). A name or description that was never given is stored as
/// empty, so an empty value finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The name of the column.
    pub column: String,
    /// What it shall be. What makes no sense for the column is nowhere (contract 4.2).
    pub value: String,
}

/// What the tags of an object shall be (contract 4.3). An empty list asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// All of these.
    pub all: Vec<String>,
    /// Any of these.
    pub any: Vec<String>,
    /// Not all of these.
    pub not_all: Vec<String>,
    /// None of these.
    pub not_any: Vec<String>,
}

/// A direction of sorting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From low to high.
    Ascending,
    /// From high to low.
    Descending,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T: evenkeel_model::Resource> {
    /// In the order that was asked for.
    pub items: Vec<Record<T>>,
}

/// A statement that grows, and its parameters.
struct Statement {
    sql: String,
    values: Vec<Value>,
}

impl Statement {
    /// Adds a parameter; gives its mark.
    fn mark(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    fn condition(&mut self, condition: &str) {
        let _ = write!(self.sql, " AND ({condition})");
    }
}

/// The page that `query` asks for.
pub(crate) fn list<T: Stored>(
    session: &mut Session<'_>,
    scope: &Scope,
    query: &ListQuery,
) -> Result<Page<T>, StoreError> {
    let mut statement = Statement { sql: format!("{} WHERE 1 = 1", select::<T>()), values: vec![] };
    in_scope(&mut statement, scope);
    for (at, filter) in query.filters.iter().enumerate() {
        if query.filters[..at].iter().any(|before| before.column == filter.column) {
            return Err(StoreError::UnknownFilter(filter.column.clone()));
        }
        narrow::<T>(&mut statement, filter)?;
    }
    tagged(&mut statement, &query.tags);
    let keys = sort_keys::<T>(&query.sort)?;
    if let Some(marker) = query.marker {
        let place = place_of::<T>(session, marker, &keys)?;
        behind(&mut statement, &keys, place, query.reverse);
    }
    order(&mut statement, &keys, query.reverse);
    if let Some(limit) = query.limit {
        let _ = write!(statement.sql, " LIMIT {limit}");
    }
    let mut items = records(session, &statement.sql, &statement.values)?;
    if query.reverse {
        items.reverse();
    }
    Ok(Page { items })
}

fn in_scope(statement: &mut Statement, scope: &Scope) {
    let (column, value): (&str, Value) = match scope {
        Scope::All => return,
        Scope::Project(project) => ("project_id", project.into()),
        Scope::Pool(pool) => ("pool_id", (*pool).into()),
        Scope::Policy(policy) => ("l7_policy_id", (*policy).into()),
    };
    let mark = statement.mark(value);
    statement.condition(&format!("r.{column} = {mark}"));
}

fn narrow<T: Stored>(statement: &mut Statement, filter: &Filter) -> Result<(), StoreError> {
    let column = columns::<T>().find(|column| column.name == filter.column);
    let column = column.ok_or_else(|| StoreError::UnknownFilter(filter.column.clone()))?;
    let sql = column.sql;
    let condition = match column.kind {
        Kind::Text => format!("{sql} = {}", statement.mark(filter.value.as_str())),
        Kind::Number => match filter.value.trim().parse::<i64>() {
            Ok(number) => format!("{sql} = {}", statement.mark(number)),
            Err(_) => "1 = 0".to_owned(),
        },
        Kind::Truth => format!("{sql} = {}", statement.mark(is_true(&filter.value))),
        Kind::Time => match second_of(&filter.value) {
            // The API shows whole seconds.
            Some(second) => {
                let (first, last) = (second * 1_000_000, second * 1_000_000 + 999_999);
                let (first, last) = (statement.mark(first), statement.mark(last));
                format!("{sql} BETWEEN {first} AND {last}")
            }
            None => "1 = 0".to_owned(),
        },
    };
    statement.condition(&condition);
    Ok(())
}

/// The words of contract 1.10 for yes.
fn is_true(text: &str) -> bool {
    let yes = ["1", "t", "true", "on", "y", "yes"];
    yes.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SS`, with or without a fraction (civil calendar of
/// Gregory, proleptic).
fn second_of(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let time = time.split('.').next()?;
    let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
    let mut date = date.splitn(3, '-').map(number);
    let mut time = time.splitn(3, ':').map(number);
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    let in_range = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !in_range {
        return None;
    }
    // Years begin in March, so that the leap day is the last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    Some((days - 719_468) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn tagged(statement: &mut Statement, tags: &TagFilter) {
    let has = |statement: &mut Statement, tags: &[String], joint: &str| {
        let each: Vec<String> = tags
            .iter()
            .map(|tag| {
                let mark = statement.mark(tag.as_str());
                format!("EXISTS (SELECT 1 FROM tags t WHERE t.object_id = r.id AND t.tag = {mark})")
            })
            .collect();
        each.join(joint)
    };
    if !tags.all.is_empty() {
        let condition = has(statement, &tags.all, " AND ");
        statement.condition(&condition);
    }
    if !tags.any.is_empty() {
        let condition = has(statement, &tags.any, " OR ");
        statement.condition(&condition);
    }
    if !tags.not_all.is_empty() {
        let condition = has(statement, &tags.not_all, " AND ");
        statement.condition(&format!("NOT ({condition})"));
    }
    if !tags.not_any.is_empty() {
        let condition = has(statement, &tags.not_any, " OR ");
        statement.condition(&format!("NOT ({condition})"));
    }
}

/// An expression that is never null, so that any two rows have an order.
struct Key {
    sql: String,
    direction: Direction,
}

impl Key {
    /// What holds between a place and what comes behind it.
    const fn beyond(&self, reverse: bool) -> &'static str {
        match (self.direction, reverse) {
            (Direction::Ascending, false) | (Direction::Descending, true) => ">",
            (Direction::Descending, false) | (Direction::Ascending, true) => "<",
        }
    }
}

fn sort_keys<T: Stored>(sort: &[(String, Direction)]) -> Result<Vec<Key>, StoreError> {
    let mut keys: Vec<Key> = Vec::new();
    for (name, direction) in sort {
        let column = columns::<T>().find(|column| column.name == *name && column.is_sortable());
        let column = column.ok_or_else(|| StoreError::UnknownSortKey(name.clone()))?;
        keys.push(Key { sql: never_null(column), direction: *direction });
    }
    for name in ["created_at", "id"] {
        if !sort.iter().any(|(named, _)| named == name) {
            keys.push(Key { sql: format!("r.{name}"), direction: Direction::Ascending });
        }
    }
    Ok(keys)
}

fn never_null(column: &Column) -> String {
    let sql = column.sql;
    match column.kind {
        Kind::Text if column.name == "id" => sql.to_owned(),
        Kind::Text => format!("COALESCE({sql}, '')"),
        Kind::Time if column.name == "created_at" => sql.to_owned(),
        Kind::Number | Kind::Truth | Kind::Time => format!("COALESCE({sql}, 0)"),
    }
}

/// What the sort keys are of the object that a page begins behind.
fn place_of<T: Stored>(
    session: &mut Session<'_>,
    marker: Uuid,
    keys: &[Key],
) -> Result<Vec<Value>, StoreError> {
    let expressions: Vec<&str> = keys.iter().map(|key| key.sql.as_str()).collect();
    let sql = format!("SELECT {} FROM {} WHERE r.id = ?1", expressions.join(", "), from::<T>());
    let found = session.first(&sql, &[marker.into()])?;
    found.map(|row| row.0).ok_or_else(|| StoreError::UnknownMarker(marker.to_string()))
}

/// Only what comes behind `place`: greater in the first key, or equal and greater in the second …
fn behind(statement: &mut Statement, keys: &[Key], place: Vec<Value>, reverse: bool) {
    let marks: Vec<String> = place.into_iter().map(|value| statement.mark(value)).collect();
    if let (Some(key), Some(mark)) = (keys.first(), marks.first()) {
        // Follows from the rest, but alone lets the database begin there in its index.
        statement.condition(&format!("{} {}= {mark}", key.sql, key.beyond(reverse)));
    }
    let mut alternatives = Vec::new();
    for (at, (key, mark)) in keys.iter().zip(&marks).enumerate() {
        let beyond = key.beyond(reverse);
        let mut all: Vec<String> = keys[..at]
            .iter()
            .zip(&marks)
            .map(|(key, mark)| format!("{} = {mark}", key.sql))
            .collect();
        all.push(format!("{} {beyond} {mark}", key.sql));
        alternatives.push(format!("({})", all.join(" AND ")));
    }
    statement.condition(&alternatives.join(" OR "));
}

fn order(statement: &mut Statement, keys: &[Key], reverse: bool) {
    let each: Vec<String> = keys
        .iter()
        .map(|key| {
            let word = match (key.direction, reverse) {
                (Direction::Ascending, false) | (Direction::Descending, true) => "ASC",
                (Direction::Descending, false) | (Direction::Ascending, true) => "DESC",
            };
            format!("{} {word}", key.sql)
        })
        .collect();
    let _ = write!(statement.sql, " ORDER BY {}", each.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_to_the_second() {
        assert_eq!(second_of("1970-01-01T00:00:00"), Some(0));
        assert_eq!(second_of("2026-08-01T10:00:05.123456"), Some(1_785_578_405));
        assert_eq!(second_of("2024-02-29T23:59:59"), Some(1_709_251_199));
        for text in ["", "today", "2026-13-01T00:00:00", "2026-08-01", "2026-08-01T25:00:00"] {
            assert_eq!(second_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_page_begins_behind_its_marker_in_every_key() {
        let keys = [
            Key { sql: "a".to_owned(), direction: Direction::Descending },
            Key { sql: "b".to_owned(), direction: Direction::Ascending },
        ];
        let page = |reverse| {
            let mut statement = Statement { sql: String::new(), values: Vec::new() };
            behind(&mut statement, &keys, vec![Value::Int(7), Value::Null], reverse);
            order(&mut statement, &keys, reverse);
            assert_eq!(statement.values, [Value::Int(7), Value::Null]);
            statement.sql
        };
        let forward = " AND (a <= ?1) AND ((a < ?1) OR (a = ?1 AND b > ?2)) ORDER BY a DESC, b ASC";
        assert_eq!(page(false), forward);
        let backward =
            " AND (a >= ?1) AND ((a > ?1) OR (a = ?1 AND b < ?2)) ORDER BY a ASC, b DESC";
        assert_eq!(page(true), backward);
    }

    #[test]
    fn a_tag_is_a_parameter_and_never_a_part_of_the_statement() {
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        let filter = TagFilter {
            all: tags(&["a", "b"]),
            not_any: tags(&["') OR 1"]),
            ..TagFilter::default()
        };
        let mut statement = Statement { sql: String::new(), values: Vec::new() };
        tagged(&mut statement, &filter);
        let has = |mark| {
            format!("EXISTS (SELECT 1 FROM tags t WHERE t.object_id = r.id AND t.tag = {mark})")
        };
        let expected = format!(" AND ({} AND {}) AND (NOT ({}))", has("?1"), has("?2"), has("?3"));
        assert_eq!(statement.sql, expected);
        assert_eq!(statement.values.len(), 3);
    }

    #[test]
    fn truths_are_words() {
        assert!(["1", "T", "true", "On", "y", "YES"].into_iter().all(is_true));
        assert!(!["0", "false", "", "maybe"].into_iter().any(is_true));
    }
}
