//! Objects as the schemas of a contract describe them.

use std::collections::BTreeMap;

use serde_json::Value;

/// The schemas of one contract by name.
pub struct Schemas(BTreeMap<String, Value>);

/// One member of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub name: String,
    pub of: MemberType,
    pub required: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether only the server sets it.
    pub read_only: bool,
}

/// What a member may hold, besides null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberType {
    Text,
    /// A UUID.
    Id,
    Integer,
    Number,
    Boolean,
    /// A calendar day; a time of day with it is not looked at.
    Day,
    Instant,
    /// One of these texts.
    OneOf(Vec<String>),
    List,
    Object,
    /// Anything.
    Any,
}

/// The name of the schema that a reference leads to.
pub(crate) fn name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.strip_prefix("#/components/schemas/")
}

/// What is looked at of a schema. The rest, prose and examples, is most of it, and would be kept for nothing.
const ESSENTIAL: [&str; 12] = [
    "$ref",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "format",
    "items",
    "oneOf",
    "properties",
    "readOnly",
    "required",
    "type",
];

/// A schema without what nobody looks at.
pub(crate) fn essential(schema: Value) -> Value {
    match schema {
        Value::Object(keywords) => {
            let kept = keywords.into_iter().filter(|(keyword, _)| ESSENTIAL.contains(&&**keyword));
            kept.map(|(keyword, value)| match value {
                Value::Object(named) if keyword == "properties" => {
                    let named = named.into_iter().map(|(name, schema)| (name, essential(schema)));
                    (keyword, named.collect())
                }
                value => (keyword, essential(value)),
            })
            .collect()
        }
        Value::Array(several) => several.into_iter().map(essential).collect(),
        value => value,
    }
}

impl Schemas {
    pub(crate) fn new(schemas: BTreeMap<String, Value>) -> Self {
        Schemas(schemas.into_iter().map(|(name, schema)| (name, essential(schema))).collect())
    }

    /// The schema of a name; null where there is none.
    pub fn named(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// What a schema, or a reference to one, comes to.
    pub fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        name(schema).and_then(|name| self.0.get(name)).unwrap_or(schema)
    }

    /// The members of an object, those of all its parts together.
    pub fn members(&self, schema: &Value) -> Vec<Member> {
        let schema = self.resolve(schema);
        let mut members: Vec<Member> =
            schema["allOf"].as_array().into_iter().flatten().flat_map(|part| self.members(part)).collect();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let required = required.contains(&name.as_str());
            let resolved = self.resolve(member);
            let is_null = |way: &Value| way == "null" || way["type"] == "null";
            let ways = [&resolved["type"], &resolved["anyOf"], &resolved["oneOf"]];
            let nullable = ways.into_iter().filter_map(Value::as_array).flatten().any(is_null);
            let read_only = resolved["readOnly"] == true || member["readOnly"] == true;
            members.push(Member { name: name.clone(), of: self.type_of(member), required, nullable, read_only });
        }
        members
    }

    fn type_of(&self, schema: &Value) -> MemberType {
        match name(schema) {
            Some("DateOrDateTime") => return MemberType::Day,
            // Which may come as texts, too.
            Some("IntegerLike") => return MemberType::Integer,
            Some("NumberLike") => return MemberType::Number,
            Some("BooleanLike") => return MemberType::Boolean,
            _ => {}
        }
        let schema = self.resolve(schema);
        // Of something or null, something.
        if let Some(ways) = schema["anyOf"].as_array() {
            let way = ways.iter().find(|way| way["type"] != "null");
            return way.map_or(MemberType::Any, |way| self.type_of(way));
        }
        if let Some(values) = schema["enum"].as_array() {
            return MemberType::OneOf(values.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        let of = match &schema["type"] {
            Value::Array(ways) => ways.iter().filter_map(Value::as_str).find(|way| *way != "null"),
            way => way.as_str(),
        };
        match (of, schema["format"].as_str()) {
            (Some("string"), Some("uuid")) => MemberType::Id,
            (Some("string"), Some("date-time")) => MemberType::Instant,
            (Some("string"), Some("date")) => MemberType::Day,
            (Some("string"), _) => MemberType::Text,
            (Some("integer"), _) => MemberType::Integer,
            (Some("number"), _) => MemberType::Number,
            (Some("boolean"), _) => MemberType::Boolean,
            (Some("array"), _) => MemberType::List,
            (Some("object"), _) => MemberType::Object,
            _ => MemberType::Any,
        }
    }
}

impl MemberType {
    /// As a client is told it.
    pub fn name(&self) -> &'static str {
        match self {
            MemberType::Text | MemberType::OneOf(_) => "text",
            MemberType::Id => "id",
            MemberType::Integer => "integer",
            MemberType::Number => "number",
            MemberType::Boolean => "boolean",
            MemberType::Day => "day",
            MemberType::Instant => "date",
            MemberType::List => "list",
            MemberType::Object => "object",
            MemberType::Any => "any",
        }
    }

    /// What is wrong with a value that a client sends.
    pub fn fault(&self, value: &Value) -> Option<String> {
        let expected = match self {
            MemberType::Text | MemberType::Id | MemberType::Day | MemberType::Instant if value.is_string() => {
                return None;
            }
            MemberType::Integer if value.as_f64().is_some_and(|number| number.fract() == 0.0) => return None,
            MemberType::Number if value.is_number() => return None,
            MemberType::Boolean if value.is_boolean() => return None,
            MemberType::OneOf(values) if value.as_str().is_some_and(|text| values.iter().any(|one| one == text)) => {
                return None;
            }
            MemberType::List if value.is_array() => return None,
            MemberType::Object if value.is_object() => return None,
            MemberType::Any => return None,
            MemberType::OneOf(values) => return Some(format!("must be one of: {}", values.join(", "))),
            MemberType::Text | MemberType::Id | MemberType::Day | MemberType::Instant => "a string",
            MemberType::Integer => "a whole number",
            MemberType::Number => "a number",
            MemberType::Boolean => "true or false",
            MemberType::List => "a list",
            MemberType::Object => "an object",
        };
        Some(format!("must be {expected}"))
    }
}
