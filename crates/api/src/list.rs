//! How lists are asked for, and what their pages say of each other (contract 4).

mod query;
mod shelf;
mod sort;

use std::str::FromStr;

use evenkeel_model::ProjectId;
use serde_json::{Map, Value, json};

use crate::decode::{flag_word, shortened};
use crate::{Deployment, Fault};

pub use query::Pairs;
pub use shelf::Shelf;
pub use sort::{Direction, SortKey};

/// The most tags that one parameter can name, so that a query stays one that a database can answer.
const MAX_TAGS: usize = 128;

/// What a client asks of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Names of fields and what they shall be, as they were typed; each name once.
    pub filters: Vec<(String, String)>,
    /// What tags an object shall have.
    pub tags: TagFilter,
    /// Whose objects, if that is asked for.
    pub project: Option<ProjectId>,
    /// The order, most important first.
    pub sort: Vec<SortKey>,
    /// The longest page; `None` is all there is.
    pub limit: Option<u32>,
    /// The id of the object that the page begins behind.
    pub marker: Option<String>,
    /// Whether the page ends before the marker instead.
    pub page_reverse: bool,
    /// The fields to show; all if there is none.
    pub fields: Fields,
    /// What links to other pages repeat.
    kept: Vec<(String, String)>,
}

/// What the tags of an object shall be. A list that is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagFilter {
    /// All of these.
    pub all: Vec<String>,
    /// One of these.
    pub any: Vec<String>,
    /// Not all of these.
    pub not_all: Vec<String>,
    /// None of these.
    pub not_any: Vec<String>,
}

/// The fields of each object to show; all if there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<String>);

/// Which filters a list knows, so that a typo does not show everything.
pub type IsFilter<'a> = &'a dyn Fn(&str) -> bool;

impl ListRequest {
    /// Reads the query of a list. `is_filter` knows the names that narrow it.
    ///
    /// # Errors
    ///
    /// 400, with the texts of contract 4 and 1.9.
    pub fn parse(
        query: &str,
        is_filter: IsFilter<'_>,
        deployment: &Deployment,
    ) -> Result<Self, Fault> {
        let pairs = Pairs::parse(query);
        let mut request = Self {
            limit: deployment.allow_pagination.then_some(deployment.pagination_max_limit),
            fields: Fields::of(&pairs, deployment),
            ..Self::default()
        };
        if deployment.allow_sorting {
            request.sort = sort::keys(&pairs)?;
        }
        for (name, value) in pairs.iter() {
            match name {
                "limit" | "marker" | "page_reverse" => {
                    if deployment.allow_pagination {
                        request.turn(name, value, deployment.pagination_max_limit)?;
                    }
                    continue;
                }
                "fields" | "sort" | "sort_key" | "sort_dir" => {}
                _ if deployment.allow_filtering => request.narrow(name, value, is_filter)?,
                _ => continue,
            }
            request.kept.push((name.to_owned(), value.to_owned()));
        }
        Ok(request)
    }

    /// The marker as an id.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn marker_id<I: FromStr>(&self) -> Result<Option<I>, Fault> {
        let Some(marker) = &self.marker else {
            return Ok(None);
        };
        marker.parse().map(Some).map_err(|_| {
            let marker = shortened(marker);
            Fault::bad_request(format!("Supplied pagination marker '{marker}' is not valid."))
        })
    }

    fn turn(&mut self, name: &str, value: &str, most: u32) -> Result<(), Fault> {
        match name {
            "limit" => self.limit = limit(value, most)?,
            "marker" => self.marker = Some(value.to_owned()).filter(|it| !it.is_empty()),
            // Upstream knows this very word only.
            _ => self.page_reverse = value == "True",
        }
        Ok(())
    }

    fn narrow(&mut self, name: &str, value: &str, is_filter: IsFilter<'_>) -> Result<(), Fault> {
        match name {
            "tags" => add_tags(&mut self.tags.all, value),
            "tags-any" => add_tags(&mut self.tags.any, value),
            "not-tags" => add_tags(&mut self.tags.not_all, value),
            "not-tags-any" => add_tags(&mut self.tags.not_any, value),
            "project_id" => {
                let project = ProjectId::new(value).ok_or_else(unknown_filter)?;
                let before = self.project.replace(project);
                before.map_or(Ok(()), |_| Err(unknown_filter()))
            }
            _ => {
                let twice = self.filters.iter().any(|(known, _)| known == name);
                if twice || !is_filter(name) {
                    return Err(unknown_filter());
                }
                self.filters.push((name.to_owned(), value.to_owned()));
                Ok(())
            }
        }
    }

    /// The links to the pages before and behind one that holds the objects with these ids.
    /// `collection` is the address of the list without a query.
    pub fn links<'a>(
        &self,
        collection: &str,
        mut ids: impl DoubleEndedIterator<Item = &'a str> + ExactSizeIterator,
    ) -> Value {
        let Some(limit) = self.limit else {
            return json!([]);
        };
        let length = ids.len();
        let first = ids.next();
        let last = ids.next_back().or(first);
        let mut links = Vec::new();
        let mut link = |rel: &str, marker: &str, reverse: bool| {
            let href = format!("{collection}?{}", self.query(limit, marker, reverse));
            links.push(json!({"rel": rel, "href": href}));
        };
        if let (Some(first), true) = (first, self.marker.is_some()) {
            link("previous", first, true);
        }
        // Behind a page that was turned to from its end there is that end.
        let full = u32::try_from(length).map_or(true, |length| length >= limit);
        if let (Some(last), true) = (last, full || self.page_reverse) {
            link("next", last, false);
        }
        Value::Array(links)
    }

    fn query(&self, limit: u32, marker: &str, reverse: bool) -> String {
        let mut pairs = vec![("limit".to_owned(), limit.to_string())];
        pairs.extend(self.kept.iter().cloned());
        pairs.push(("marker".to_owned(), marker.to_owned()));
        if reverse {
            pairs.push(("page_reverse".to_owned(), "True".to_owned()));
        }
        query::write(&pairs)
    }
}

/// What a client is told whose filter makes no sense.
fn unknown_filter() -> Fault {
    Fault::bad_request("One or more arguments are either duplicate or invalid")
}

fn add_tags(tags: &mut Vec<String>, value: &str) -> Result<(), Fault> {
    tags.extend(value.split(',').map(str::to_owned));
    if tags.len() > MAX_TAGS { Err(unknown_filter()) } else { Ok(()) }
}

/// How many objects a page holds at most; `None` is all there are.
fn limit(value: &str, most: u32) -> Result<Option<u32>, Fault> {
    if value.eq_ignore_ascii_case("infinite") {
        return Ok(None);
    }
    match value.trim().parse::<i64>() {
        Ok(number) if number <= 0 => Ok(None),
        Ok(number) => Ok(Some(u32::try_from(number).unwrap_or(u32::MAX).min(most))),
        Err(_) => Err(Fault::routing(
            400,
            "Bad Request",
            format!("Supplied pagination limit '{}' is not valid.", shortened(value)),
        )),
    }
}

impl Fields {
    /// The fields that a query asks for; a comma separates nothing (contract 4.7).
    pub fn of(pairs: &Pairs, deployment: &Deployment) -> Self {
        if !deployment.allow_field_selection {
            return Self::default();
        }
        Self(pairs.all("fields").map(str::to_owned).collect())
    }

    /// The same from a raw query, for a single object.
    pub fn parse(query: &str, deployment: &Deployment) -> Self {
        Self::of(&Pairs::parse(query), deployment)
    }

    /// What is left of an object. A name that nobody knows shows nothing, and `tenant_id`, which
    /// is `project_id` again, cannot be asked for.
    pub fn select(&self, object: Value) -> Value {
        let Value::Object(mut map) = object else {
            return object;
        };
        if !self.0.is_empty() {
            map.retain(|key, _| key != "tenant_id" && self.0.iter().any(|it| it == key));
        }
        Value::Object(map)
    }
}

/// A query parameter that is a flag, such as `cascade`: anything unknown is false.
pub fn flag(query: &str, name: &str) -> bool {
    Pairs::parse(query).all(name).next().and_then(flag_word).unwrap_or(false)
}

/// A list with its links: `{"pools": […], "pools_links": […]}`.
pub fn page(collection: &str, objects: Vec<Value>, links: Value) -> Value {
    let mut page = Map::new();
    page.insert(collection.to_owned(), Value::Array(objects));
    page.insert(links_key(collection), links);
    Value::Object(page)
}

/// The key of the links of a collection: two of them are irregular (contract 1.2).
pub(crate) fn links_key(collection: &str) -> String {
    match collection {
        "flavorprofiles" => "flavorprofile_links".to_owned(),
        "availability_zone_profiles" => "availability_zone_profile_links".to_owned(),
        _ => format!("{collection}_links"),
    }
}

/// An object under its root: `{"pool": {…}}`.
pub fn single(root: &str, object: Value) -> Value {
    let mut single = Map::new();
    single.insert(root.to_owned(), object);
    Value::Object(single)
}
