//! Lists that are short enough to be read whole: narrowed, sorted and cut in memory, by the same
//! rules as those that a database answers (contract 4).

use std::cmp::Ordering;

use serde_json::Value;

use super::{Direction, ListRequest, unknown_filter};
use crate::decode::{flag_word, shortened};
use crate::{Deployment, Fault};

/// What can be asked of a short list.
#[derive(Clone, Copy, Debug)]
pub struct Shelf {
    /// The fields that it can be narrowed and sorted by.
    pub columns: &'static [&'static str],
    /// Other names of fields, for filters only.
    pub aliases: &'static [(&'static str, &'static str)],
    /// The field that names an object, and that markers are of.
    pub key: &'static str,
    /// The order of a list that nobody sorts; every other is completed by it.
    pub order: &'static [&'static str],
    /// Whether each of the objects belongs to a project.
    pub has_projects: bool,
}

impl Shelf {
    /// Reads what is asked of the list.
    ///
    /// # Errors
    ///
    /// 400, with the texts of contract 4 and 1.9.
    pub fn parse(&self, query: &str, deployment: &Deployment) -> Result<ListRequest, Fault> {
        let is_filter = |name: &str| {
            self.columns.contains(&name) || self.aliases.iter().any(|(alias, _)| *alias == name)
        };
        let request = ListRequest::parse(query, &is_filter, deployment)?;
        let has_strange_filters = request.tags != super::TagFilter::default()
            || (request.project.is_some() && !self.has_projects);
        if has_strange_filters {
            return Err(unknown_filter());
        }
        if let Some(key) = request.sort.iter().find(|it| !self.columns.contains(&it.name.as_str()))
        {
            let name = shortened(&key.name);
            return Err(Fault::bad_request(format!("Supplied sort key '{name}' is not valid.")));
        }
        Ok(request)
    }

    /// The page that is asked for, of all objects as they are shown.
    ///
    /// # Errors
    ///
    /// 400 for a marker that names none of them.
    pub fn page(
        &self,
        request: &ListRequest,
        mut objects: Vec<Value>,
    ) -> Result<Vec<Value>, Fault> {
        objects.sort_by(|one, other| self.compare(request, one, other));
        let mut beyond = match &request.marker {
            None => objects,
            Some(marker) => {
                let at = objects.iter().position(|it| it[self.key] == marker.as_str());
                let at = at.ok_or_else(|| unknown_marker(marker))?;
                if request.page_reverse {
                    objects.truncate(at);
                    objects
                } else {
                    objects.split_off(at + 1)
                }
            }
        };
        beyond.retain(|object| self.fits(request, object));
        let limit =
            request.limit.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX));
        if request.page_reverse {
            let surplus = beyond.len().saturating_sub(limit);
            beyond.drain(..surplus);
        } else {
            beyond.truncate(limit);
        }
        Ok(beyond)
    }

    /// What names an object, for the links of a page.
    pub fn key_of(&self, object: &Value) -> String {
        object[self.key].as_str().unwrap_or_default().to_owned()
    }

    fn fits(&self, request: &ListRequest, object: &Value) -> bool {
        request.filters.iter().all(|(name, wanted)| {
            let alias = self.aliases.iter().find(|(alias, _)| alias == name);
            let name = alias.map_or(name.as_str(), |(_, column)| column);
            is(&object[name], wanted)
        })
    }

    fn compare(&self, request: &ListRequest, one: &Value, other: &Value) -> Ordering {
        let asked = request.sort.iter().map(|key| (key.name.as_str(), key.direction));
        let rest = self.order.iter().map(|name| (*name, Direction::Ascending));
        let mut orders = asked.chain(rest).map(|(name, direction)| {
            let order = order(&one[name], &other[name]);
            match direction {
                Direction::Ascending => order,
                Direction::Descending => order.reverse(),
            }
        });
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

fn unknown_marker(marker: &str) -> Fault {
    let marker = shortened(marker);
    Fault::bad_request(format!("Supplied pagination marker '{marker}' is not valid."))
}

/// Whether a field is what somebody typed. What makes no sense for the field is nowhere.
fn is(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Bool(truth) => flag_word(wanted).unwrap_or(false) == *truth,
        Value::Number(number) => wanted.trim().parse().ok() == number.as_i64(),
        Value::String(text) => text == wanted,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Null comes before everything else, as the empty text and 0 do.
fn order(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => one.as_i64().cmp(&other.as_i64()),
        _ => one.is_null().cmp(&other.is_null()).reverse(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SHELF: Shelf = Shelf {
        columns: &["id", "name", "enabled", "size"],
        aliases: &[("title", "name")],
        key: "id",
        order: &["id"],
        has_projects: false,
    };

    fn objects() -> Vec<Value> {
        vec![
            json!({"id": "d", "name": "x", "enabled": true, "size": null}),
            json!({"id": "a", "name": "y", "enabled": false, "size": 10}),
            json!({"id": "c", "name": "x", "enabled": false, "size": 9}),
            json!({"id": "b", "name": "z", "enabled": true, "size": 9}),
        ]
    }

    fn ids(query: &str) -> String {
        let request = SHELF.parse(query, &Deployment::default()).unwrap();
        let page = SHELF.page(&request, objects()).unwrap();
        page.iter().map(|it| SHELF.key_of(it)).collect()
    }

    #[test]
    fn a_list_is_narrowed_and_sorted() {
        assert_eq!(ids(""), "abcd");
        assert_eq!(ids("sort=name,id:desc"), "dcab");
        assert_eq!(ids("sort=size"), "dbca");
        assert_eq!(ids("sort_key=enabled&sort_dir=desc"), "bdac");
        assert_eq!(ids("name=x"), "cd");
        assert_eq!(ids("title=x&enabled=no"), "c");
        assert_eq!(ids("enabled=nonsense"), "ac");
        assert_eq!(ids("size=9"), "bc");
        assert_eq!(ids("size=nine"), "");
    }

    #[test]
    fn a_page_lies_behind_its_marker_or_before_it() {
        assert_eq!(ids("limit=2"), "ab");
        assert_eq!(ids("limit=2&marker=b"), "cd");
        assert_eq!(ids("limit=2&marker=d"), "");
        assert_eq!(ids("limit=2&marker=d&page_reverse=True"), "bc");
        assert_eq!(ids("sort=id:desc&marker=c&limit=1"), "b");
        assert_eq!(ids("name=x&marker=a"), "cd", "the marker need not fit the filter");
        let request = SHELF.parse("marker=e", &Deployment::default()).unwrap();
        let fault = SHELF.page(&request, objects()).unwrap_err();
        assert_eq!(fault.message(), "Supplied pagination marker 'e' is not valid.");
    }

    #[test]
    fn what_the_list_does_not_know_is_refused() {
        for (query, text) in [
            ("color=red", "One or more arguments are either duplicate or invalid"),
            ("name=x&name=y", "One or more arguments are either duplicate or invalid"),
            ("tags=x", "One or more arguments are either duplicate or invalid"),
            ("project_id=x", "One or more arguments are either duplicate or invalid"),
            ("sort=title", "Supplied sort key 'title' is not valid."),
        ] {
            let fault = SHELF.parse(query, &Deployment::default()).unwrap_err();
            assert_eq!((fault.status(), fault.message()), (400, text), "{query}");
        }
    }
}
