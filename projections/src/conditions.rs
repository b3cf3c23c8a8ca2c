//! Conditions as SQL. Nothing of a caller's value becomes part of the text.

use std::cmp::Ordering;

use caravan_domain::condition::caseless;
use caravan_domain::kind::FieldType;
use caravan_domain::{Condition, Kind};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};

use crate::ReadError;
use crate::plan::{Comparable, Named, comparable, linked, named};
use crate::schema::{self, ID};

/// A condition on a document of a kind, whose row the statement calls `of`.
pub(crate) fn push_condition(
    query: &mut QueryBuilder<Postgres>,
    kind: &'static Kind,
    of: &str,
    condition: &Condition,
) -> Result<(), ReadError> {
    if let Condition::Is(name, _) | Condition::Like(name, _) | Condition::Between(name, ..) = condition
        && let Named::Sealed(sealed) = named(kind, name)?
    {
        query.push("exists (select from opened o where ").push(opened("o", kind, sealed.name, of)).push(" and ");
        push_on_fields(query, kind, of, condition)?;
        query.push(")");
        return Ok(());
    }
    push_on_fields(query, kind, of, condition)
}

/// That a row of `opened` is the one with a text of a document.
pub(crate) fn opened(row: &str, kind: &Kind, field: &str, of: &str) -> String {
    format!("{row}.kind = '{}' and {row}.field = '{field}' and {row}.id = {of}.id", kind.name)
}

fn push_on_fields(
    query: &mut QueryBuilder<Postgres>,
    kind: &'static Kind,
    of: &str,
    condition: &Condition,
) -> Result<(), ReadError> {
    match condition {
        Condition::All(conditions) => push_joined(query, kind, of, conditions, "true", " and ")?,
        Condition::Any(conditions) => push_joined(query, kind, of, conditions, "false", " or ")?,
        Condition::ParentLives => {
            if let Some(parent) = kind.parent {
                query.push(format!("({of}.parent is null or exists (select from doc_{} {of}p", parent.kind));
                query.push(format!(" where {of}p.id = {of}.parent and {of}p.deleted_at is null))"));
            }
        }
        Condition::Like(name, pattern) => {
            let field = named(kind, name)?;
            let column = compared(of, field);
            // What is compared without regard to case is kept in lower case, or made so.
            match (field.of(), pattern.exact) {
                (FieldType::Text, _) | (_, true) => query.push(column),
                (_, false) => query.push(format!("lower({column} collate \"und-x-icu\") collate \"C\"")),
            };
            let lower = field.of() == FieldType::Text || !pattern.exact;
            query.push(" like ").push_bind(if lower { caseless(&pattern.text) } else { pattern.text.clone() });
        }
        Condition::Compare(one, orderings, other) => {
            let (one, other) = (compared(of, named(kind, one)?), compared(of, named(kind, other)?));
            query.push("(false");
            for ordering in *orderings {
                let operator = match ordering {
                    Ordering::Less => "<",
                    Ordering::Equal => "=",
                    Ordering::Greater => ">",
                };
                query.push(format!(" or {one} {operator} {other}"));
            }
            query.push(")");
        }
        Condition::Linked(link, inner) => {
            let deeper = format!("{of}x");
            let field = named(kind, link.field)?;
            let column = compared(of, field);
            query.push(format!("exists (select from doc_{} {deeper} where {deeper}.id = ", link.kind));
            match field.of() {
                FieldType::Keywords => query.push(format!(
                    "any(array(select case when entry ~ '{ID}' then entry::uuid end \
                     from jsonb_array_elements_text({column}) entry))"
                )),
                _ => query.push(column),
            };
            query.push(format!(" and {deeper}.deleted_at is null and "));
            push_condition(query, linked(link.kind)?, &deeper, inner)?;
            query.push(")");
        }
        Condition::Back(link, inner) => {
            let deeper = format!("{of}x");
            let other = linked(link.kind)?;
            query.push(format!("exists (select from doc_{} {deeper} where ", link.kind));
            let field = named(other, link.field)?;
            query.push(compared(&deeper, field));
            query.push(match field.of() {
                FieldType::Keywords => format!(" ? {of}.id::text"),
                _ => format!(" = {of}.id"),
            });
            query.push(format!(" and {deeper}.deleted_at is null and "));
            push_condition(query, other, &deeper, inner)?;
            query.push(")");
        }
        Condition::Not(inner) => {
            query.push("not coalesce(");
            push_condition(query, kind, of, inner)?;
            query.push(", false)");
        }
        Condition::IdIn(ids) => {
            query.push(format!("{of}.id = any(")).push_bind(ids.iter().map(|id| id.0).collect::<Vec<_>>()).push(")");
        }
        Condition::Contains(name, values) => {
            // `?|` as a function would not use the index; the operator's name needs no placeholder in Postgres.
            query.push(compared(of, named(kind, name)?)).push(" ?| ").push_bind(values.clone());
        }
        Condition::Is(name, values) => {
            let field = named(kind, name)?;
            let expression = compared(of, field);
            let present: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
            query.push("(").push(&expression).push(" = any(");
            push_values(query, field, name, &present)?;
            query.push(")");
            if present.len() < values.len() {
                query.push(" or ").push(&expression).push(" is null");
            }
            query.push(")");
        }
        Condition::Between(name, from, to) => {
            let field = named(kind, name)?;
            let expression = compared(of, field);
            query.push("(").push(&expression).push(" is not null");
            for (bound, operator) in [(from, " >= "), (to, " < ")] {
                if let Some(bound) = bound {
                    query.push(" and ").push(&expression).push(operator);
                    push_value(query, comparable(field, name, bound)?);
                }
            }
            query.push(")");
        }
    }
    Ok(())
}

fn push_joined(
    query: &mut QueryBuilder<Postgres>,
    kind: &'static Kind,
    of: &str,
    conditions: &[Condition],
    of_none: &str,
    between: &str,
) -> Result<(), ReadError> {
    query.push("(").push(if conditions.is_empty() { of_none } else { "" });
    for (place, condition) in conditions.iter().enumerate() {
        query.push(if place > 0 { between } else { "" });
        push_condition(query, kind, of, condition)?;
    }
    query.push(")");
    Ok(())
}

/// The expression that a field is compared by.
fn compared(of: &str, field: Named) -> String {
    match field {
        Named::Parent => format!("{of}.parent"),
        Named::Born => format!("{of}.born"),
        // As instants are written in states, of which text order is time order.
        Named::DeletedAt => {
            format!("to_char({of}.deleted_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') collate \"C\"")
        }
        Named::Field(field) => format!("{of}.{}", schema::column(field)),
        // In the row that was looked up for it.
        Named::Sealed(_) => "o.words".to_owned(),
    }
}

fn push_value(query: &mut QueryBuilder<Postgres>, value: Comparable) {
    match value {
        Comparable::Text(text) => query.push_bind(text),
        Comparable::Integer(integer) => query.push_bind(integer).push("::numeric"),
        Comparable::Decimal(decimal) => query.push_bind(decimal).push("::text::numeric"),
        Comparable::Boolean(boolean) => query.push_bind(boolean),
        Comparable::Id(id) => query.push_bind(id),
    };
}

/// An array of the field's type.
fn push_values(
    query: &mut QueryBuilder<Postgres>,
    field: Named,
    name: &str,
    values: &[&Value],
) -> Result<(), ReadError> {
    let (mut texts, mut integers, mut booleans, mut ids) = (vec![], vec![], vec![], vec![]);
    for value in values {
        match comparable(field, name, value)? {
            Comparable::Text(text) | Comparable::Decimal(text) => texts.push(text),
            Comparable::Integer(integer) => integers.push(integer),
            Comparable::Boolean(boolean) => booleans.push(boolean),
            Comparable::Id(id) => ids.push(id),
        }
    }
    match field.of() {
        FieldType::Id => query.push_bind(ids),
        FieldType::Integer => query.push_bind(integers).push("::numeric[]"),
        FieldType::Decimal => query.push_bind(texts).push("::text[]::numeric[]"),
        FieldType::Boolean => query.push_bind(booleans),
        _ => query.push_bind(texts),
    };
    Ok(())
}
