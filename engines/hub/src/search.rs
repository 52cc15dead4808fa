//! A search at a hub: what is asked as an address, and where its next page is. Pure.

use http::{HeaderMap, header};
use url::Url;

use crate::limits::{CURSOR_BYTES_MAX, QUERY_BYTES_MAX, RESULTS_MAX};
use crate::repo::query_value;
use crate::wire::Found;

/// In which order results come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// What is downloaded most.
    #[default]
    Downloads,
    /// What is liked most.
    Likes,
    /// What changed last.
    Recent,
    /// What rises now.
    Trending,
}

impl Sort {
    fn word(self) -> &'static str {
        match self {
            Self::Downloads => "downloads",
            Self::Likes => "likes",
            Self::Recent => "lastModified",
            Self::Trending => "trendingScore",
        }
    }
}

/// What to search for: models with GGUF files only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Words of the name; cut to the longest that is sent.
    pub text: String,
    /// Only of this owner.
    pub author: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// How many on a page, at most [`RESULTS_MAX`].
    pub limit: usize,
    /// Where to go on, as [`Page::next`] said.
    pub cursor: Option<String>,
}

/// A page of results.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The results.
    pub found: Vec<Found>,
    /// Where to go on; none: that was all.
    pub next: Option<String>,
}

/// The path of a search.
pub(crate) fn search_path(query: &Query) -> String {
    let end = (0..=QUERY_BYTES_MAX.min(query.text.len())).rev();
    let end = end.into_iter().find(|end| query.text.is_char_boundary(*end)).unwrap_or(0);
    let text = query_value(query.text[..end].trim());
    let limit = query.limit.clamp(1, RESULTS_MAX);
    let mut path = format!(
        "/api/models?filter=gguf&sort={}&direction=-1&limit={limit}\
         &expand[]=downloads&expand[]=likes&expand[]=lastModified&expand[]=gated&expand[]=gguf\
         &expand[]=tags&search={text}",
        query.sort.word()
    );
    if let Some(author) = &query.author {
        path.push_str(&format!("&author={}", query_value(author)));
    }
    if let Some(cursor) = &query.cursor {
        path.push_str(&format!("&cursor={}", query_value(cursor)));
    }
    path
}

/// Where the next page is (RFC 8288), as its cursor only: the rest of the address is ours to make.
pub(crate) fn next_cursor(headers: &HeaderMap) -> Option<String> {
    let links = headers.get(header::LINK)?.to_str().ok()?;
    let next = links.split(',').find(|link| link.contains("rel=\"next\""))?;
    let address = next.split_once('<')?.1.split_once('>')?.0;
    let url = Url::parse("https://hub.invalid").ok()?.join(address).ok()?;
    let cursor = url.query_pairs().find(|(name, _)| name == "cursor")?.1.into_owned();
    (cursor.len() <= CURSOR_BYTES_MAX).then_some(cursor)
}
