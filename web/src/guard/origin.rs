//! Pages of other sites get nothing, on any route and with any method: no answer of ours ever carries a
//! header that would let them read it, and what they send is refused before it is routed.

use http::header;
use http::request::Parts;

use super::host::{self, Host};
use crate::error::ApiError;

/// Checks the Origin header (RFC 6454) and, where a browser sent it, Sec-Fetch-Site.
pub(crate) fn check(parts: &Parts, host: &Host) -> Result<(), ApiError> {
    let mut origins = parts.headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => {}
        (Some(origin), None) if is_same(origin.to_str().ok(), host) => {}
        (Some(_), _) => return Err(ApiError::OriginNotAllowed),
    }
    let site = parts.headers.get("sec-fetch-site").map(header::HeaderValue::as_bytes);
    let foreign = matches!(site, Some(b"cross-site" | b"same-site"));
    // Following a link to the UI is not using the API.
    if foreign && !is_navigation(parts) {
        return Err(ApiError::OriginNotAllowed);
    }
    Ok(())
}

fn is_same(origin: Option<&str>, host: &Host) -> bool {
    let rest =
        origin.and_then(|o| o.strip_prefix("http://").or_else(|| o.strip_prefix("https://")));
    rest.and_then(host::parse).is_some_and(|origin| origin == *host)
}

fn is_navigation(parts: &Parts) -> bool {
    let is = |name: &str, wanted: &[u8]| {
        parts.headers.get(name).is_some_and(|value| value.as_bytes() == wanted)
    };
    parts.method == http::Method::GET
        && is("sec-fetch-mode", b"navigate")
        && is("sec-fetch-dest", b"document")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(headers: &[(&str, &str)]) -> bool {
        let mut request = http::Request::get("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let host = host::parse("127.0.0.1:7862").expect("a host");
        check(&parts, &host).is_ok()
    }

    #[test]
    fn cat_h21_only_the_own_origin_passes() {
        let cases = [
            (vec![], true),
            (vec![("origin", "http://127.0.0.1:7862")], true),
            (vec![("origin", "https://127.0.0.1:7862")], true),
            (vec![("origin", "http://127.0.0.1")], false),
            (vec![("origin", "http://127.0.0.1:7863")], false),
            (vec![("origin", "http://localhost:7862")], false),
            (vec![("origin", "https://evil.example")], false),
            (vec![("origin", "null")], false),
            (vec![("origin", "")], false),
            (vec![("origin", "http://127.0.0.1:7862"), ("origin", "https://evil.example")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                true,
            ),
            (
                vec![
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "iframe"),
                ],
                false,
            ),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(&headers), expected, "{headers:?}");
        }
    }
}
