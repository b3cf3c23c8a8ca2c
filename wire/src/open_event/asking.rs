//! What a request of open-event's asks of lists and answers: pages, sorting, which fields and related resources.
//! Filters have a file of their own.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::exposures::OBJECTS;
use super::filters;
use super::resource::type_of;
use crate::exposure::{By, Exposed, Exposure, Ids, Page, Question, Want};
use crate::face::snake_of_kebab;
use crate::schema::{self, Schemas};
use crate::{Failure, In, Operation, Request};

use super::DIALECT;

/// Rows of a page at most; where nothing is said; and of a list that is documented without pages.
const LARGEST: i64 = 1_000;
const USUAL: i64 = 20;

/// Names of a path of relationships, and paths that one request may include.
const DEEPEST: usize = 3;
const MOST_INCLUDED: usize = 10;

/// The parameters that queries take whether or not they are documented: JSON:API's own.
pub(super) fn takes(operation: &Operation, name: &str) -> bool {
    let of_lists = ["page[size]", "page[number]", "sort", "filter"].contains(&name);
    let of_all = name == "include" || name.strip_prefix("fields[").is_some_and(|rest| rest.ends_with(']'));
    let shows = schema::name(&operation.answers).filter(|_| !operation.command);
    shows.is_some_and(|shown| match shown.strip_suffix("Collection") {
        Some(_) => of_lists || of_all,
        None => of_all && shown.ends_with("Document"),
    })
}

pub(super) fn question(request: &Request, exposed: &Exposed, ids: Ids) -> Result<Question, Failure> {
    let documented = |name: &str| exposed.operation.parameters.iter().any(|parameter| parameter.name == name);
    let usual = if documented("page[size]") { USUAL } else { LARGEST };
    let number = whole(request, "page[number]", 1, 1, i64::from(i32::MAX))?;
    let size = match whole(request, "page[size]", usual, 0, LARGEST)? {
        0 => LARGEST as usize,
        size => size,
    };
    let (conditions, deleted) = match text(request, "filter") {
        None | Some("") => (vec![], false),
        Some(filter) => filters::conditions(filter, exposed.exposure, ids)?,
    };
    Ok(Question { conditions, sort: sort(request, exposed.exposure)?, number, size, deleted })
}

fn text<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    request.parameters.get(name).and_then(Value::as_str)
}

fn whole(request: &Request, name: &'static str, usual: i64, least: i64, most: i64) -> Result<usize, Failure> {
    let given = match request.parameters.get(name) {
        None => Some(usual),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    let bounded = given.filter(|value| (least..=most).contains(value)).and_then(|value| usize::try_from(value).ok());
    bounded.ok_or_else(|| wrong(name, format!("must be a whole number from {least} to {most}")))
}

/// A parameter that cannot be read.
pub(super) fn wrong(name: impl Into<String>, message: impl Into<String>) -> Failure {
    Failure::unreadable(name, message).whose_field_is_written()
}

/// Attributes, or `id`; one with a minus in front downwards.
fn sort(request: &Request, exposure: &Exposure) -> Result<Vec<(&'static str, bool)>, Failure> {
    let asked = text(request, "sort").unwrap_or_default();
    let each = asked.split(',').filter(|name| !name.is_empty()).map(|name| {
        let descending = name.starts_with('-');
        let attribute = name.trim_start_matches('-');
        let field = match attribute {
            "id" => Some(BORN),
            attribute => exposure.kind.field(&snake_of_kebab(attribute)).map(|field| field.name),
        };
        field.map(|field| (field, descending)).ok_or_else(|| wrong("sort", format!("{attribute} cannot be sorted by")))
    });
    each.collect()
}

/// Records are numbered in the order in which they are made.
const BORN: &str = "born";

/// The relationships that are included, and those of the answer's own resources that are only pointed to from the
/// other side.
pub(super) fn wants(request: &Request, exposed: &Exposed) -> Result<Vec<Want>, Failure> {
    check_fields(request)?;
    let asked = text(request, "include").unwrap_or_default();
    let paths: Vec<Vec<&str>> =
        asked.split(',').filter(|path| !path.is_empty()).map(|path| path.split('.').collect()).collect();
    if paths.len() > MOST_INCLUDED {
        return Err(wrong("include", format!("names more than {MOST_INCLUDED} relationships")));
    }
    if let Some(deep) = paths.iter().find(|path| path.len() > DEEPEST) {
        return Err(wrong("include", format!("{} is more than {DEEPEST} names long", deep.join("."))));
    }
    let wants = wants_of(exposed.exposure, &paths)?;
    let pointed_to = exposed.exposure.relations.iter().filter(|relation| {
        let on_the_other_side = !relation.many && matches!(relation.by, By::Other(_));
        on_the_other_side && wants.iter().all(|want| want.relation.name != relation.name)
    });
    let pointed_to = pointed_to.map(|relation| Want { relation, shown: false, then: vec![] }).collect::<Vec<_>>();
    Ok(wants.into_iter().chain(pointed_to).collect())
}

fn wants_of(exposure: &'static Exposure, paths: &[Vec<&str>]) -> Result<Vec<Want>, Failure> {
    for path in paths.iter().filter(|path| !path.is_empty()) {
        let name = path[0].replace('_', "-");
        if exposure.relation(&name).is_none() {
            return Err(wrong("include", format!("{name} is no relationship of {}", type_of(exposure))));
        }
    }
    let wanted = exposure.relations.iter().map(|relation| {
        let follows = |path: &&Vec<&str>| path.first().is_some_and(|name| name.replace('_', "-") == relation.name);
        let below: Vec<Vec<&str>> = paths.iter().filter(follows).map(|path| path[1..].to_vec()).collect();
        if below.is_empty() {
            return Ok(None);
        }
        let then = OBJECTS.exposure(relation.object).map(|target| wants_of(target, &below)).transpose()?;
        Ok(Some(Want { relation, shown: true, then: then.unwrap_or_default() }))
    });
    Ok(wanted.collect::<Result<Vec<_>, Failure>>()?.into_iter().flatten().collect())
}

/// The fields of a type that a request wants; all of them where it does not say.
pub(super) fn fields(request: &Request, of: &str) -> Option<Vec<String>> {
    let asked = text(request, &format!("fields[{of}]"))?;
    Some(asked.split(',').filter(|name| !name.is_empty()).map(|name| name.replace('_', "-")).collect())
}

/// Refuses fields that a type does not have. Types that there are not are nobody's concern.
fn check_fields(request: &Request) -> Result<(), Failure> {
    for exposure in OBJECTS.exposures {
        let of = type_of(exposure);
        for field in fields(request, of).into_iter().flatten() {
            if !is_field(DIALECT.schemas(), exposure, &field) {
                return Err(wrong(format!("fields[{of}]"), format!("{field} is no field of {of}")));
            }
        }
    }
    Ok(())
}

fn is_field(schemas: &Schemas, exposure: &Exposure, field: &str) -> bool {
    ["Attributes", "Relationships"].iter().any(|part| {
        let schema = json!({"$ref": format!("#/components/schemas/{}{part}", exposure.object)});
        schemas.resolve(&schema)["properties"].get(field).is_some()
    })
}

/// Paths of this page and of those around it.
pub(super) fn links(request: &Request, page: &Page) -> Value {
    let last = usize::try_from(page.total.div_ceil(page.size as u64)).unwrap_or(usize::MAX).max(1);
    let to = |number: usize| json!(path_of(request, number));
    let mut links = json!({"self": to(page.number), "first": to(1), "last": to(last)});
    if page.number > 1 {
        links["prev"] = to((page.number - 1).min(last));
    }
    if page.number < last {
        links["next"] = to(page.number + 1);
    }
    links
}

/// The request's path and query, for another page.
fn path_of(request: &Request, number: usize) -> String {
    let mut path = request.operation.path.clone();
    let mut query = String::new();
    for (name, value) in &request.parameters {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let is_in_path = request.operation.parameters.iter().any(|p| p.name == *name && p.place == In::Path);
        if is_in_path {
            path = path.replace(&format!("{{{name}}}"), &value);
        } else if name != "page[number]" {
            let _ = write!(query, "&{}={}", encoded(name), encoded(&value));
        }
    }
    format!("{path}?page[number]={number}{query}")
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace("%5B", "[").replace("%5D", "]")
}
