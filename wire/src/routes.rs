//! Which handlers serve which operations: one line each, by operation id.

use std::collections::HashMap;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use caravan_domain::identity::Person;
use chrono::{DateTime, Utc};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::contract::operation;
use crate::{Answer, Call, Dialect, Failure, FailureKind, Operation};

/// What one side of the system, commands or queries, adds to the path of a request.
pub trait Side: Send + Sync + 'static {
    /// Whether this side serves commands; else queries.
    const COMMANDS: bool;

    /// Who a bearer token says is calling; unauthorised where it proves nobody.
    fn authenticate(&self, token: &str, now: DateTime<Utc>) -> impl Future<Output = Result<Person, Failure>> + Send;

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
}

type Handler<S> = Box<dyn Fn(Call<S>) -> BoxFuture<'static, Result<Answer, Failure>> + Send + Sync>;

/// One served operation.
pub(crate) struct Route<S> {
    pub(crate) handler: Handler<S>,
    /// Whether it is served without a token.
    pub(crate) public: bool,
    pub(crate) shown: Shown,
}

/// The operations of one dialect that one side serves. Registering an unknown operation, one of the other side, or
/// one twice panics: it is a mistake in the program that shows at start-up.
pub struct Routes<S> {
    dialect: &'static Dialect,
    state: Arc<S>,
    routes: HashMap<&'static str, Route<S>>,
}

impl<S: Side> Routes<S> {
    pub fn new(dialect: &'static Dialect, state: Arc<S>) -> Self {
        Routes { dialect, state, routes: HashMap::new() }
    }

    /// Serves an operation to whoever has a valid bearer token.
    pub fn on<F, R>(self, id: &str, handler: F) -> Self
    where
        F: Fn(Call<S>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        self.add(id, Route { handler: erase(handler), public: false, shown: Shown::Documents })
    }

    /// Serves an operation to everybody; a token is not looked at.
    pub fn public<F, R>(self, id: &str, handler: F) -> Self
    where
        F: Fn(Call<S>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        self.add(id, Route { handler: erase(handler), public: true, shown: Shown::Documents })
    }

    /// Serves a query, to whoever has a valid bearer token, from what search finds.
    pub fn search<F, R>(self, id: &str, handler: F) -> Self
    where
        F: Fn(Call<S>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        self.add(id, Route { handler: erase(handler), public: false, shown: Shown::Search })
    }

    fn add(mut self, id: &str, route: Route<S>) -> Self {
        let Some(operation) = operation(self.dialect, id) else {
            panic!("the contract of {} has no operation {id}", self.dialect.name);
        };
        assert!(
            operation.command == S::COMMANDS,
            "{id} is a {}: the other side serves it",
            if operation.command { "command" } else { "query" }
        );
        let before = self.routes.insert(operation.id.as_str(), route);
        assert!(before.is_none(), "{id} is registered twice");
        self
    }
}

fn erase<S, F, R>(handler: F) -> Handler<S>
where
    F: Fn(Call<S>) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Answer, Failure>> + Send + 'static,
{
    Box::new(move |call| handler(call).boxed())
}

/// The served operations of one dialect and side, whatever its state.
pub struct Endpoints {
    pub(crate) commands: bool,
    pub(crate) served: Vec<(&'static Operation, Arc<dyn Endpoint>)>,
}

impl<S: Side> From<Routes<S>> for Endpoints {
    fn from(routes: Routes<S>) -> Self {
        let Routes { dialect, state, routes } = routes;
        let served = routes.into_iter().filter_map(|(id, route)| {
            let endpoint: Arc<dyn Endpoint> = Arc::new(Served { state: state.clone(), route });
            Some((operation(dialect, id)?, endpoint))
        });
        Endpoints { commands: S::COMMANDS, served: served.collect() }
    }
}

/// A served operation, whatever the state its handler works on.
pub(crate) trait Endpoint: Send + Sync {
    fn public(&self) -> bool;
    fn authenticate<'a>(&'a self, token: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, Result<Person, Failure>>;
    fn passed(&self, position: i64, limit: Duration) -> BoxFuture<'_, Result<(), Failure>>;
    fn run(&self, call: Call<()>) -> BoxFuture<'static, Result<Answer, Failure>>;
}

struct Served<S> {
    state: Arc<S>,
    route: Route<S>,
}

impl<S: Side> Endpoint for Served<S> {
    fn public(&self) -> bool {
        self.route.public
    }

    fn authenticate<'a>(&'a self, token: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, Result<Person, Failure>> {
        self.state.authenticate(token, now).boxed()
    }

    fn passed(&self, position: i64, limit: Duration) -> BoxFuture<'_, Result<(), Failure>> {
        self.state.passed(self.route.shown, position, limit).boxed()
    }

    fn run(&self, call: Call<()>) -> BoxFuture<'static, Result<Answer, Failure>> {
        let names = call.operation.names();
        let answer = (self.route.handler)(call.with(self.state.clone()));
        async move {
            let answer = answer.await.map_err(|failure| match failure {
                Failure { kind: FailureKind::Broken, source: Some(error), .. } => S::explain(error),
                failure => failure,
            });
            answer.map_err(|failure| failure.spelled(names))
        }
        .boxed()
    }
}

impl Call<()> {
    fn with<S>(self, state: Arc<S>) -> Call<S> {
        Call {
            state,
            operation: self.operation,
            person: self.person,
            address: self.address,
            parameters: self.parameters,
            body: self.body,
            headers: self.headers,
            request_id: self.request_id,
            correlation_id: self.correlation_id,
            now: self.now,
        }
    }
}
