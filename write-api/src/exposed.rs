//! The commands that follow from exposures: a record is made, changed or deleted, and shown as it is then.

use caravan_commands::{Asking, Done, records};
use caravan_domain::Record;
use caravan_domain::record::{Change, Records};
use caravan_wire::exposure::{self, Changes, Exposed, Row, Verb};
use caravan_wire::{Answer, Call, Dialect, Failure, Routes, Stream};

use crate::{Write, answer, asking, failure};

/// Serves the plain commands of a dialect that have no handler of their own.
pub(crate) fn serve(routes: Routes<Write>, dialect: &'static Dialect) -> Routes<Write> {
    let commands = exposure::exposed(dialect).filter(|exposed| exposed.operation.command);
    commands.fold(routes, |routes, exposed| match routes.serves(&exposed.operation.id) {
        true => routes,
        false => routes.on(&exposed.operation.id, move |call| write(call, exposed)),
    })
}

async fn write(call: Call<Write>, exposed: &'static Exposed) -> Result<Answer<Stream>, Failure> {
    let record = exposed.exposure.record.ok_or_else(|| Failure::broken("the commands of aggregates have handlers"))?;
    let ids = |kind: &str, number| call.state.commands.vault().id_of(kind, number);
    let id = || exposed.named(&call, &ids).map(|(_, id)| id);
    let present = match exposed.verb() {
        Verb::Patch if !exposed.exposure.amounts.is_empty() => {
            Some(call.state.commands.record(record, id()?).await?.state)
        }
        _ => None,
    };
    let present = present.as_ref().map(|state| &state.fields);
    let changes = || (exposed.objects.changes)(&call, exposed, present, &ids);
    let change = match exposed.verb() {
        Verb::Delete => Change::Delete,
        Verb::Create => Change::Create(changes()?.fields),
        Verb::Patch => match changes()? {
            Changes { fields, restores: true } => Change::Restore(fields),
            Changes { fields, restores: false } => Change::Patch(fields),
        },
        Verb::Get | Verb::List => return Err(Failure::broken("a query is no command")),
    };
    let asking = asking(&call).await?;
    let deletes = matches!(change, Change::Delete);
    let done = match change {
        Change::Create(fields) => records::create(&asking, record, fields).await,
        change => records::change(&asking, record, id()?, change).await,
    };
    let done = done.map_err(|error| exposed.placed(failure(error)))?;
    let row = row(&asking, record, &done).await?;
    let show = if deletes { exposed.objects.gone } else { exposed.objects.one };
    answer(&done, show(&call, exposed, &row))
}

/// A record as a command left it.
pub(crate) async fn row(asking: &Asking, record: &'static Record, done: &Done<Records>) -> Result<Row, Failure> {
    let mut fields = done.state.fields.clone();
    record.kind.veil(done.id, &mut fields, &asking.caller().context());
    let stamps = asking.stamps(&record.kind, done).await?;
    Ok(Row {
        id: done.id,
        revision: done.revision,
        stamps: stamps.ok_or_else(|| Failure::broken("a record that was written has events"))?,
        deleted: done.state.deleted_at.is_some(),
        fields,
        people: None,
        privately: false,
        related: vec![],
    })
}
