//! Request headers with a meaning of their own: names, preconditions, preferences, whom proxies ask for.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use chrono_tz::Tz;
use http::{HeaderMap, HeaderValue, header};
use ipnet::IpNet;
use uuid::Uuid;

use crate::contract::EVENT_STREAM;
use crate::{Failure, Headers};

/// The client's name for the request where it is a sane one, else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get("x-request-id").and_then(|value| value.to_str().ok());
    given.filter(|id| is_sane(id)).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// Whether a request may be called so.
pub(crate) fn is_sane(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// A request id as a UUID: itself where it is one.
pub(crate) fn correlation_id(request_id: &str) -> Uuid {
    Uuid::parse_str(request_id).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, request_id.as_bytes()))
}

/// Whether an address, as a socket has it, is in one of the networks.
pub(crate) fn is_one_of(address: IpAddr, networks: &[IpNet]) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// Where the client is: the peer, or, if that is a trusted proxy, the last address in `X-Forwarded-For` that is none.
/// What is further left may be made up by the client. Of an IPv6 address only the network.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let trusted = |address: &IpAddr| is_one_of(*address, proxies);
    let peer = peer.to_canonical();
    if !trusted(&peer) {
        return network(peer);
    }
    let lines = headers.get_all("x-forwarded-for").iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or("not text").rsplit(',')).map(hop);
    // An entry that is no address ends the search: nobody knows who wrote what is left of it.
    let client = hops.map_while(|hop| hop).find(|address| !trusted(address));
    network(client.unwrap_or(peer))
}

/// One entry of `X-Forwarded-For`; some proxies add the port.
fn hop(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry.parse().or_else(|_| entry.parse().map(|address: SocketAddr| address.ip()));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

/// An IPv6 address without its last 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// Headers of which a request has one at most: of two, a proxy may mean one and we the other.
const ONCE: [&str; 7] =
    ["Host", "Authorization", "Content-Type", "If-Match", "Idempotency-Key", "Caravan-After", "Time-Zone"];

/// The other headers with a meaning; a failure names the header.
pub(crate) fn read(headers: &HeaderMap) -> Result<Headers, Failure> {
    if let Some(twice) = ONCE.into_iter().find(|name| headers.get_all(*name).iter().nth(1).is_some()) {
        return Err(Failure::unreadable(twice, "is given twice"));
    }
    Ok(Headers {
        idempotency_key: headers.get("idempotency-key").map(idempotency_key).transpose()?,
        if_match: headers.get(header::IF_MATCH).map(if_match).transpose()?,
        respond_async: headers.get_all("prefer").iter().any(prefers_async),
        after: headers.get("caravan-after").map(after).transpose()?,
        zone: headers.get("time-zone").map_or(Ok(Tz::UTC), zone)?,
    })
}

/// Whether the client asks for events of a stream.
pub(crate) fn takes_events(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).any(|accepted| {
        let types = accepted.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
        types.into_iter().any(|range| range.eq_ignore_ascii_case(EVENT_STREAM))
    })
}

fn idempotency_key(value: &HeaderValue) -> Result<String, Failure> {
    let visible = |key: &&str| (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
    let key = value.to_str().ok().filter(visible).map(str::to_owned);
    key.ok_or_else(|| Failure::unreadable("Idempotency-Key", "is not 1 to 255 visible ASCII characters"))
}

/// A revision that no stream has, not even one without events.
const NO_REVISION: i64 = i64::MIN;

/// The revision in an ETag; [`NO_REVISION`] for a well-formed tag that is none of ours.
fn if_match(value: &HeaderValue) -> Result<i64, Failure> {
    let tag = value.to_str().ok().map(|text| text.strip_prefix("W/").unwrap_or(text));
    let tag = tag.and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')).filter(|tag| !tag.contains('"'));
    let tag = tag.ok_or_else(|| Failure::unreadable("If-Match", "is not one quoted ETag"))?;
    Ok(tag.parse().ok().filter(|revision| *revision >= 0).unwrap_or(NO_REVISION))
}

fn prefers_async(value: &HeaderValue) -> bool {
    let preferences = value.to_str().unwrap_or_default().split(',');
    preferences.into_iter().any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

fn zone(value: &HeaderValue) -> Result<Tz, Failure> {
    let zone = value.to_str().ok().and_then(|name| name.parse().ok());
    zone.ok_or_else(|| Failure::unreadable("Time-Zone", "is not the name of a time zone"))
}

fn after(value: &HeaderValue) -> Result<i64, Failure> {
    let position = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|position| *position >= 0);
    position.ok_or_else(|| Failure::unreadable("Caravan-After", "is not a position"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        headers
    }

    #[test]
    fn a_request_id_is_taken_only_when_sane() {
        assert_eq!(request_id(&with("x-request-id", "a-1_b.C")), "a-1_b.C");
        assert_ne!(request_id(&with("x-request-id", "a b")), "a b");
        assert_ne!(request_id(&with("x-request-id", &"x".repeat(129))), "x".repeat(129));
        assert_eq!(correlation_id("a"), correlation_id("a"));
    }

    #[test]
    fn an_idempotency_key_is_visible_ascii() {
        let key = |text: &str| read(&with("idempotency-key", text)).map(|headers| headers.idempotency_key);
        assert_eq!(key("k-1!").unwrap().as_deref(), Some("k-1!"));
        for bad in ["", "a b", "ä", &"x".repeat(256)] {
            assert_eq!(key(bad).unwrap_err().faults[0].field.as_deref(), Some("Idempotency-Key"), "{bad}");
        }
    }

    #[test]
    fn a_header_with_one_value_is_given_once() {
        for name in ONCE {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("1"));
            headers.append(name, HeaderValue::from_static("1"));
            assert_eq!(read(&headers).unwrap_err().text(), format!("{name}: is given twice"));
        }
    }

    #[test]
    fn if_match_is_a_quoted_revision() {
        let tag = |text: &str| read(&with("if-match", text)).map(|headers| headers.if_match);
        assert_eq!(tag("\"12\"").unwrap(), Some(12));
        assert_eq!(tag("W/\"12\"").unwrap(), Some(12));
        assert_eq!(tag("\"abc\"").unwrap(), Some(NO_REVISION));
        for bad in ["12", "*", "\"1\", \"2\""] {
            assert_eq!(tag(bad).unwrap_err().faults[0].field.as_deref(), Some("If-Match"), "{bad}");
        }
    }

    #[test]
    fn a_client_is_whom_the_last_trusted_proxy_names() {
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "fd00::/8", "127.0.0.1/32"].map(|net| net.parse().unwrap()).to_vec();
        let client = |peer: &str, lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            client(peer.parse().unwrap(), &headers, &proxies).to_string()
        };
        assert_eq!(client("10.0.0.1", &["203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 203.0.113.7, 10.2.0.1"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "203.0.113.7,10.2.0.1", "127.0.0.1"]), "203.0.113.7");
        assert_eq!(client("::ffff:10.0.0.1", &["::ffff:203.0.113.7"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(client("fd00::1", &["[2001:db8:1:2:3::4]:4711"]), "2001:db8:1:2::");
        // Nobody whom a proxy that is trusted names.
        assert_eq!(client("203.0.113.9", &["1.1.1.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["127.0.0.1, 10.2.0.1"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, unknown, 10.2.0.1"]), "10.0.0.1");
    }

    #[test]
    fn the_ipv6_clients_of_one_network_are_one() {
        let client = |peer: &str| client(peer.parse().unwrap(), &HeaderMap::new(), &[]);
        assert_eq!(client("2001:db8:1:2:3::4"), client("2001:db8:1:2:aaaa::"));
        assert_ne!(client("2001:db8:1:2::1"), client("2001:db8:1:3::1"));
    }

    #[test]
    fn preferences_and_positions() {
        assert!(read(&with("prefer", "wait=1, respond-async")).unwrap().respond_async);
        assert!(!read(&with("prefer", "wait=1")).unwrap().respond_async);
        assert_eq!(read(&with("caravan-after", "7")).unwrap().after, Some(7));
        assert!(read(&with("caravan-after", "-7")).is_err());
    }
}
