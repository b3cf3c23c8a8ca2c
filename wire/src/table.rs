//! Finds the operation that a method and a path mean.

use std::collections::HashMap;

use http::Method;
use matchit::Router;
use serde_json::{Map, Value};

use crate::contract::contracts;
use crate::{DIALECTS, Dialect, Operation};

/// Every documented path, with the operation of each method.
pub(crate) struct Table {
    router: Router<usize>,
    paths: Vec<HashMap<Method, &'static Operation>>,
}

/// What a method and a path mean.
pub(crate) enum Found {
    Operation {
        operation: &'static Operation,
        values: Map<String, Value>,
    },
    /// The path is documented for other methods only.
    OtherMethods {
        dialect: &'static Dialect,
        methods: Vec<Method>,
    },
    /// Not documented; `None`: not even below a dialect's base.
    Nothing {
        dialect: Option<&'static Dialect>,
    },
}

/// A path whose percent-encoding is not UTF-8.
pub(crate) struct NotText;

impl Table {
    /// Panics when two operations claim the same method and path: the contracts are part of the program.
    pub(crate) fn new() -> Table {
        let mut table = Table { router: Router::new(), paths: vec![] };
        let mut known: HashMap<String, usize> = HashMap::new();
        for operation in contracts().iter().flat_map(|contract| &contract.operations) {
            for path in std::iter::once(&operation.path).chain(&operation.aliases) {
                let pattern = pattern(path);
                let index = *known.entry(pattern.clone()).or_insert_with(|| {
                    table.paths.push(HashMap::new());
                    let index = table.paths.len() - 1;
                    table.router.insert(pattern, index).unwrap_or_else(|error| panic!("{path}: {error}"));
                    index
                });
                let before = table.paths[index].insert(operation.method.clone(), operation);
                assert!(before.is_none(), "{} {path} is documented twice", operation.method);
            }
        }
        table
    }

    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Found, NotText> {
        let Ok(matched) = self.router.at(path) else {
            return Ok(Found::Nothing { dialect: DIALECTS.iter().copied().find(|dialect| (dialect.owns)(path)) });
        };
        let methods = &self.paths[*matched.value];
        // What can be read can be asked for its headers; the server leaves the body out. Some commands are GET too.
        let found = match *method {
            Method::HEAD => methods.get(&Method::GET).filter(|operation| !operation.command),
            _ => methods.get(method),
        };
        let Some(operation) = found else {
            let mut known: Vec<Method> = methods.keys().cloned().collect();
            known.sort_by(|a, b| a.as_str().cmp(b.as_str()));
            let dialect = methods.values().next().map(|operation| operation.dialect);
            return Ok(match dialect {
                Some(dialect) => Found::OtherMethods { dialect, methods: known },
                None => Found::Nothing { dialect: None },
            });
        };
        let mut values = Map::new();
        for (name, (_, value)) in parameter_names(&operation.path).zip(matched.params.iter()) {
            let value = percent_encoding::percent_decode_str(value).decode_utf8().map_err(|_| NotText)?;
            values.insert(name.to_owned(), Value::from(value));
        }
        Ok(Found::Operation { operation, values })
    }
}

/// The path with its parameters numbered: operations on one path may name them differently.
fn pattern(path: &str) -> String {
    let segments = path.split('/').enumerate();
    let segments = segments.map(|(index, segment)| match segment.strip_prefix('{') {
        Some(_) => format!("{{p{index}}}"),
        None => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn parameter_names(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(table: &Table, method: Method, path: &str) -> String {
        match table.find(&method, path) {
            Ok(Found::Operation { operation, values }) => format!("{} {}", operation.id, Value::Object(values)),
            Ok(Found::OtherMethods { methods, .. }) => format!("{methods:?}"),
            Ok(Found::Nothing { dialect }) => format!("nothing {dialect:?}"),
            Err(NotText) => "not text".to_owned(),
        }
    }

    #[test]
    fn every_documented_operation_is_found_by_its_own_path() {
        let table = Table::new();
        for operation in contracts().iter().flat_map(|contract| &contract.operations) {
            let path = operation.path.replace(['{', '}'], "");
            match table.find(&operation.method, &path) {
                Ok(Found::Operation { operation: found, .. }) => assert_eq!(found.id, operation.id, "{path}"),
                _ => panic!("{} {path} is not found", operation.method),
            }
        }
    }

    #[test]
    fn the_method_and_the_path_decide() {
        let table = Table::new();
        assert_eq!(find(&table, Method::POST, "/dev/assign-ticket"), "assign-ticket {}");
        assert_eq!(find(&table, Method::GET, "/dev/assign-ticket"), "[POST]");
        assert_eq!(find(&table, Method::HEAD, "/dev/trip-booking"), "trip-booking {}");
        assert_eq!(find(&table, Method::GET, "/auth-api/relogin"), "relogin {}");
        assert_eq!(find(&table, Method::HEAD, "/auth-api/relogin"), "[GET]");
        assert_eq!(find(&table, Method::GET, "/dev/nowhere"), "nothing Some(krugo)");
        assert_eq!(find(&table, Method::GET, "/v1/Nowhere"), "nothing Some(keyper)");
        assert_eq!(find(&table, Method::GET, "/v1/nowhere"), "nothing Some(open-event)");
        assert_eq!(find(&table, Method::GET, "/elsewhere"), "nothing None");
        assert!(find(&table, Method::GET, "/v1/events/a%20b").ends_with(r#""a b"}"#));
        assert_eq!(find(&table, Method::GET, "/v1/events/%ff"), "not text");
    }
}
