//! Where a request carries the token of its caller, and whether it may.

use std::borrow::Cow;

use cookie::Cookie;
use http::request::Parts;
use http::{HeaderMap, Method, header};

use crate::{Failure, Operation, parameters};

/// Where a dialect looks for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The header `Authorization`, after this scheme.
    Scheme(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// A query parameter of this name.
    Query(&'static str),
    /// A cookie of this name.
    Cookie(&'static str),
}

impl Place {
    /// As clients know it.
    fn name(self) -> &'static str {
        match self {
            Place::Scheme(_) => "Authorization",
            Place::Header(name) | Place::Query(name) | Place::Cookie(name) => name,
        }
    }

    fn tokens(self, request: &Parts) -> Vec<Cow<'_, str>> {
        match self {
            Place::Query(name) => {
                let pairs = parameters::pairs(request.uri.query().unwrap_or_default()).flatten();
                pairs.filter(|(given, _)| given == name).map(|(_, token)| Cow::Owned(token)).collect()
            }
            Place::Scheme(_) | Place::Header(_) | Place::Cookie(_) => self.in_headers(&request.headers),
        }
    }

    /// The tokens that headers have in this place.
    pub(crate) fn in_headers(self, headers: &HeaderMap) -> Vec<Cow<'_, str>> {
        match self {
            Place::Scheme(scheme) => {
                let values = texts(headers, header::AUTHORIZATION.as_str()).filter_map(|value| value.split_once(' '));
                let ours = values.filter(|(given, _)| given.eq_ignore_ascii_case(scheme));
                ours.map(|(_, token)| Cow::Borrowed(token.trim())).collect()
            }
            Place::Header(name) => texts(headers, name).map(Cow::Borrowed).collect(),
            Place::Query(_) => vec![],
            Place::Cookie(name) => {
                let cookies = texts(headers, header::COOKIE.as_str()).flat_map(Cookie::split_parse).flatten();
                let ours = cookies.filter(|cookie| cookie.name() == name);
                ours.map(|cookie| Cow::Owned(cookie.value().to_owned())).collect()
            }
        }
    }
}

fn texts<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

/// Whose token an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Nobody is served without a good one.
    Required,
    /// Who has none is served as a visitor; a bad one is refused.
    Optional,
    /// A bad one is as good as none.
    Welcome,
    /// It is not looked at.
    Ignored,
}

/// The token of a request to an operation. Two that differ are refused: whoever checked one may have meant the other.
pub(crate) fn find<'r>(operation: &Operation, request: &'r Parts) -> Result<Option<Cow<'r, str>>, Failure> {
    let mut found: Option<(Place, Cow<str>)> = None;
    for place in operation.dialect.face.tokens {
        for token in place.tokens(request) {
            match &found {
                Some((first, known)) if *known != token => {
                    let message = format!("is another token than in {}", first.name());
                    return Err(Failure::unreadable(place.name(), message));
                }
                Some(_) => {}
                None => found = Some((*place, token)),
            }
        }
    }
    match found {
        Some((Place::Cookie(name), _)) if operation.command && !is_of_own_page(request) => {
            Err(Failure::forbidden("counts only where a page of this very site sends it").on(name))
        }
        // A link with somebody else's token would have the browser go on as them.
        Some((Place::Query(name), _))
            if operation.command && request.method == Method::GET && is_of_a_link(request) =>
        {
            Err(Failure::forbidden("counts only where no link leads here").on(name))
        }
        Some((_, token)) => Ok(Some(token)),
        None if request.headers.contains_key(header::AUTHORIZATION) => {
            Err(Failure::unauthorised("is of no scheme that is taken here").on("Authorization"))
        }
        None => Ok(None),
    }
}

/// Whether no foreign site can have made a browser send this: browsers attach cookies to whatever any page asks for,
/// and say which page it was.
fn is_of_own_page(request: &Parts) -> bool {
    if request.method == Method::GET {
        // A browser that says nothing may have been led here by a link.
        let says_something = says(request, "sec-fetch-site").or(says(request, "origin")).is_some();
        return says_something && !is_of_foreign_page(request) && !is_of_a_link(request);
    }
    !is_of_foreign_page(request)
}

/// Whether a browser says that a page of another site has made it send this.
pub(crate) fn is_of_foreign_page(request: &Parts) -> bool {
    match (says(request, "sec-fetch-site"), says(request, "origin")) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_none() || authority != says(request, "host")
        }
        (None, None) => false,
    }
}

/// Whether a browser says that something else than a page of this site has led here.
fn is_of_a_link(request: &Parts) -> bool {
    says(request, "sec-fetch-site").is_some_and(|site| site != "same-origin")
}

fn says<'r>(request: &'r Parts, name: &str) -> Option<&'r str> {
    texts(&request.headers, name).next()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::{FailureKind, open_event, operation, rentals};

    fn parts(method: &str, query: &str, headers: &[(&str, &str)]) -> Parts {
        let request = Request::builder().method(method).uri(format!("/x?{query}"));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        request.body(()).unwrap().into_parts().0
    }

    fn of(id: &str, query: &str, headers: &[(&str, &str)]) -> Result<Option<String>, String> {
        let operation = operation(&rentals::DIALECT, id).unwrap();
        let parts = parts(operation.method.as_str(), query, headers);
        find(operation, &parts).map(|token| token.map(Cow::into_owned)).map_err(|failure| failure.text())
    }

    fn read(query: &str, headers: &[(&str, &str)]) -> Result<Option<String>, String> {
        of("list-users", query, headers)
    }

    const NAME: &str = "airbnb3-access-token";

    #[test]
    fn a_token_is_found_wherever_the_dialect_lets_it_be() {
        let found = Ok(Some("a.b.c".to_owned()));
        assert_eq!(read("access_token=a.b.c", &[]), found);
        assert_eq!(read("", &[("authorization", "bearer a.b.c")]), found);
        assert_eq!(read("", &[(NAME, "a.b.c")]), found);
        assert_eq!(read("", &[("cookie", "x=1; airbnb3-access-token=a.b.c; y")]), found);
        assert_eq!(read("access_token=a.b.c", &[(NAME, "a.b.c"), ("authorization", "Bearer a.b.c")]), found);
        assert_eq!(read("accesstoken=a.b.c", &[("cookie", "x=1")]), Ok(None));
        let operation = operation(&open_event::DIALECT, "list-all-events").unwrap();
        for scheme in ["JWT", "Bearer"] {
            let parts = parts("GET", "", &[("authorization", &format!("{scheme} a.b.c"))]);
            assert_eq!(find(operation, &parts).unwrap().as_deref(), Some("a.b.c"));
        }
    }

    #[test]
    fn two_tokens_that_differ_and_schemes_of_others_are_refused() {
        let differs = |place: &str| Err(format!("{place}: is another token than in access_token"));
        assert_eq!(read("access_token=a", &[("authorization", "Bearer b")]), differs("Authorization"));
        assert_eq!(read("access_token=a&access_token=b", &[]), differs("access_token"));
        assert_eq!(read("access_token=a", &[("cookie", "airbnb3-access-token=b")]), differs(NAME));
        let basic = [("authorization", "Basic abc")];
        assert_eq!(read("", &basic), Err("Authorization: is of no scheme that is taken here".to_owned()));
        assert_eq!(read("access_token=a", &basic), Ok(Some("a".to_owned())));
    }

    #[test]
    fn a_cookie_counts_for_a_command_only_where_no_foreign_site_can_have_sent_it() {
        let sent = |id: &str, more: &[(&str, &str)]| {
            let headers = [&[("cookie", "airbnb3-access-token=a"), ("host", "rentals.example")], more].concat();
            of(id, "", &headers).is_ok()
        };
        for id in ["relogin", "create-listing"] {
            assert!(sent(id, &[("sec-fetch-site", "same-origin")]), "{id}");
            assert!(sent(id, &[("origin", "https://rentals.example")]), "{id}");
            assert!(!sent(id, &[("sec-fetch-site", "cross-site")]), "{id}");
            assert!(!sent(id, &[("sec-fetch-site", "same-site"), ("origin", "https://rentals.example")]), "{id}");
            assert!(!sent(id, &[("origin", "https://evil.example")]), "{id}");
            assert!(!sent(id, &[("origin", "null")]), "{id}");
        }
        assert!(sent("create-listing", &[]) && !sent("relogin", &[]), "a link makes browsers GET");
        let followed = [("sec-fetch-site", "none")];
        assert!(sent("create-listing", &followed) && !sent("relogin", &followed), "of a mail, say");
        assert!(sent("list-users", &[("sec-fetch-site", "cross-site")]), "what is read changes nothing");
        let linked = |site: &str| of("relogin", "access_token=theirs", &[("sec-fetch-site", site)]).is_ok();
        assert!(linked("same-origin") && !linked("cross-site") && !linked("none"));
        assert!(of("relogin", "access_token=ours", &[]).is_ok(), "no browser");
        let command = operation(&rentals::DIALECT, "create-listing").unwrap();
        let foreign = parts("POST", "", &[("cookie", "airbnb3-access-token=a"), ("origin", "null")]);
        assert_eq!(find(command, &foreign).unwrap_err().kind, FailureKind::Forbidden);
    }

    #[test]
    fn rentals_takes_tokens_where_its_contract_says() {
        let contract: serde_json::Value = serde_json::from_str(rentals::DIALECT.contract).unwrap();
        let names = contract["security"].as_array().unwrap().iter().flat_map(|one| one.as_object().unwrap().keys());
        let places = names.map(|name| {
            let scheme = &contract["components"]["securitySchemes"][name];
            let named = scheme["name"].as_str().unwrap_or_default().to_owned();
            match scheme["in"].as_str() {
                Some("query") => ("query", named),
                Some("header") => ("header", named),
                Some("cookie") => ("cookie", named),
                _ => ("scheme", scheme["scheme"].as_str().unwrap().to_owned()),
            }
        });
        let ours = rentals::DIALECT.face.tokens.iter().map(|place| match place {
            Place::Query(name) => ("query", (*name).to_owned()),
            Place::Header(name) => ("header", (*name).to_owned()),
            Place::Cookie(name) => ("cookie", (*name).to_owned()),
            Place::Scheme(name) => ("scheme", name.to_ascii_lowercase()),
        });
        assert_eq!(ours.collect::<Vec<_>>(), places.collect::<Vec<_>>());
    }
}
