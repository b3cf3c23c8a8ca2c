//! Which handlers serve which operations: one line each, by operation id.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use caravan_domain::Sealed;
use caravan_domain::identity::Person;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};

use crate::contract::operation;
use crate::shape::Closed;
use crate::{
    Answer, Call, Content, Dialect, Failure, FailureKind, Operation, Origin, Outcome, Request, Stream, Tells, Token,
    Told,
};

/// What one side of the system, commands or queries, adds to the path of a request.
pub trait Side: Send + Sync + 'static {
    /// Whether this side serves commands; else queries.
    const COMMANDS: bool;

    /// Who a token says is calling; unauthorised where it proves nobody.
    fn authenticate(&self, token: &str, now: DateTime<Utc>) -> impl Future<Output = Result<Person, Failure>> + Send;

    /// The texts of sealed values, in their order. What cannot be opened is told as forgotten.
    fn open(&self, sealed: &[&Sealed]) -> impl Future<Output = Result<Vec<String>, Failure>> + Send;

    /// What an error of the crates below means to the client: the one place where this side says so.
    fn explain(error: Box<dyn Error + Send + Sync>) -> Failure;

    /// Waits until what is shown has come past `position`, for `limit` at most.
    fn passed(&self, shown: Shown, position: i64, limit: Duration) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Which read models an operation shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    Documents,
    /// Documents, found by search.
    Search,
    /// Documents, found by what is sealed in them.
    Opened,
    /// Documents, and numbers over many of them.
    Tallies,
}

/// What serves an operation: an async function from a call to an answer, which tells the same of its origin each time.
pub trait Handler<S, M>: Send + Sync + 'static {
    const TELLS: Tells;
    fn handle(&self, call: Call<S>) -> BoxFuture<'static, Outcome<Told>>;
}

impl<S, F, R, O> Handler<S, (R, O)> for F
where
    F: Fn(Call<S>) -> R + Send + Sync + 'static,
    R: Future<Output = Outcome<O>> + Send + 'static,
    O: Origin,
{
    const TELLS: Tells = O::TELLS;

    fn handle(&self, call: Call<S>) -> BoxFuture<'static, Outcome<Told>> {
        self(call).map_ok(Answer::told).boxed()
    }
}

type Erased<S> = Box<dyn Fn(Call<S>) -> BoxFuture<'static, Outcome<Told>> + Send + Sync>;

/// How an operation is served: what the service does with it, and what its document says.
#[derive(Debug, Clone, Copy)]
pub struct Registration {
    pub operation: &'static Operation,
    pub token: Token,
    pub shown: Shown,
    pub tells: Tells,
    /// Whether its request names another operation, as which it is answered.
    pub forwards: bool,
}

impl Registration {
    /// Whether a client can repeat a request under an idempotency key: where nobody is known, nobody's keys are.
    pub fn takes_key(&self) -> bool {
        self.operation.command && self.token != Token::Ignored
    }

    /// Whether `If-Match` can be met: a command's answer has an ETag.
    pub fn takes_if_match(&self) -> bool {
        self.operation.command && self.tells.etag
    }
}

/// One served operation.
struct Route<S> {
    handler: Erased<S>,
    registration: Registration,
}

/// The operations of one dialect that one side serves. Registering an unknown operation, one of the other side, or
/// one twice panics: it is a mistake in the program that shows at start-up.
pub struct Routes<S> {
    dialect: &'static Dialect,
    routes: HashMap<&'static str, Route<S>>,
}

impl<S: Side> Routes<S> {
    pub fn new(dialect: &'static Dialect) -> Self {
        Routes { dialect, routes: HashMap::new() }
    }

    /// Serves an operation to whoever has a good token.
    pub fn on<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Required, Shown::Documents, handler)
    }

    /// Serves an operation to visitors too: to everybody but those whose token is bad.
    pub fn optional<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Optional, Shown::Documents, handler)
    }

    /// Serves an operation to everybody, who is known by a good token.
    pub fn welcome<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Welcome, Shown::Documents, handler)
    }

    /// Serves an operation to everybody; a token is not looked at.
    pub fn public<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Ignored, Shown::Documents, handler)
    }

    /// Serves a query, to whoever has a good token, from what search finds.
    pub fn search<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Required, Shown::Search, handler)
    }

    /// Serves a query, to whoever has a good token, that finds documents by what is sealed in them.
    pub fn opened<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Required, Shown::Opened, handler)
    }

    /// Forwards requests of an operation, from whoever has a good token, to the operations that they name.
    pub fn forwarding(mut self, id: &str) -> Self {
        self = self.add(id, Token::Required, Shown::Documents, nobody::<S>);
        if let Some(route) = self.routes.get_mut(id) {
            route.registration.forwards = true;
        }
        self
    }

    /// Serves a query, to whoever has a good token, from numbers over many streams.
    pub fn tallied<M>(self, id: &str, handler: impl Handler<S, M>) -> Self {
        self.add(id, Token::Required, Shown::Tallies, handler)
    }

    fn add<M, H: Handler<S, M>>(mut self, id: &str, token: Token, shown: Shown, handler: H) -> Self {
        let Some(operation) = operation(self.dialect, id) else {
            panic!("the contract of {} has no operation {id}", self.dialect.name);
        };
        assert!(
            operation.command == S::COMMANDS,
            "{id} is a {}: the other side serves it",
            if operation.command { "command" } else { "query" }
        );
        let handler: Erased<S> = Box::new(move |call| handler.handle(call));
        let registration = Registration { operation, token, shown, tells: H::TELLS, forwards: false };
        let before = self.routes.insert(operation.id.as_str(), Route { handler, registration });
        assert!(before.is_none(), "{id} is registered twice");
        self
    }

    /// Whether an operation has a handler already.
    pub fn serves(&self, id: &str) -> bool {
        self.routes.contains_key(id)
    }

    /// What is served, and how.
    pub fn registrations(&self) -> impl Iterator<Item = Registration> {
        self.routes.values().map(|route| route.registration)
    }

    /// The operations, ready to work on a state.
    pub fn serve(self, state: Arc<S>) -> Endpoints {
        let served = self.routes.into_values().map(|route| {
            let endpoint: Arc<dyn Endpoint> = Arc::new(Served { state: state.clone(), route });
            (endpoint.registration().operation, endpoint)
        });
        Endpoints { commands: S::COMMANDS, served: served.collect() }
    }
}

/// Stands where the service forwards.
async fn nobody<S>(_: Call<S>) -> Result<Answer<Option<Stream>>, Failure> {
    Err(Failure::broken("a request was to be forwarded"))
}

/// The served operations of one dialect and side, whatever its state.
pub struct Endpoints {
    pub(crate) commands: bool,
    pub(crate) served: Vec<(&'static Operation, Arc<dyn Endpoint>)>,
}

/// A served operation, whatever the state its handler works on.
pub(crate) trait Endpoint: Send + Sync {
    fn registration(&self) -> Registration;
    fn authenticate<'a>(&'a self, token: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, Result<Person, Failure>>;
    fn passed(&self, position: i64, limit: Duration) -> BoxFuture<'_, Result<(), Failure>>;
    fn run(&self, request: Request) -> BoxFuture<'static, Outcome<Told>>;
}

struct Served<S> {
    state: Arc<S>,
    route: Route<S>,
}

impl<S: Side> Endpoint for Served<S> {
    fn registration(&self) -> Registration {
        self.route.registration
    }

    fn authenticate<'a>(&'a self, token: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, Result<Person, Failure>> {
        self.state.authenticate(token, now).boxed()
    }

    fn passed(&self, position: i64, limit: Duration) -> BoxFuture<'_, Result<(), Failure>> {
        self.state.passed(self.route.registration.shown, position, limit).boxed()
    }

    fn run(&self, request: Request) -> BoxFuture<'static, Outcome<Told>> {
        let (names, state) = (request.operation.names, self.state.clone());
        let answer = (self.route.handler)(Call { state: state.clone(), request });
        async move {
            let answer = async { open(state.as_ref(), answer.await?).await };
            let answer = answer.await.map_err(|failure| match failure {
                Failure { kind: FailureKind::Broken, source: Some(error), .. } => S::explain(error),
                failure => failure,
            });
            answer.map_err(|failure| failure.spelled(names))
        }
        .boxed()
    }
}

/// An answer with all that is sealed in it opened at once.
async fn open<S: Side>(side: &S, mut answer: Answer<Told>) -> Outcome<Told> {
    if let Content::Json(shape) = &mut answer.content {
        let closed = Closed::find(shape);
        let sealed = closed.sealed();
        let opened = if sealed.is_empty() { vec![] } else { side.open(&sealed).await? };
        closed.open(opened);
    }
    Ok(answer)
}
