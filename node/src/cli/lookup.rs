//! From what people type to what the API wants: names and beginnings of ids to nodes, last digits to
//! jobs. Ambiguity is an error that lists the choices.

use pumasi_web::api::{Job, List, Node, NodeRef};

use super::client::Client;
use super::failure::{Failure, Kind};
use super::text::escape;

/// Digits of an id that people see.
const SHORT: usize = 8;

/// The beginning of a node's id, as tables show it.
pub(crate) fn short_node(id: &str) -> &str {
    id.get(..SHORT).unwrap_or(id)
}

/// The end of a job's id, as tables show it: the beginning is the clock.
pub(crate) fn short_job(id: &str) -> &str {
    id.get(id.len().saturating_sub(SHORT)..).unwrap_or(id)
}

/// The ids of the nodes that `names` mean.
pub(super) async fn nodes(client: &Client, names: &[String]) -> Result<Vec<String>, Failure> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let known: List<Node> = client.get(&["api", "v1", "nodes"]).await?;
    names.iter().map(|name| node(&known.data, name).map(|node| node.id)).collect()
}

/// The node called `name`, or whose id begins like that.
pub(super) fn node(known: &[Node], name: &str) -> Result<NodeRef, Failure> {
    let by_name = known.iter().filter(|node| node.name == name);
    let mut found: Vec<&Node> = by_name.collect();
    if found.is_empty() && name.len() >= 4 {
        found = known.iter().filter(|node| node.id.starts_with(name)).collect();
    }
    match found.as_slice() {
        [node] => Ok(NodeRef { id: node.id.clone(), name: node.name.clone() }),
        [] => {
            let sentence =
                format!("the mesh has no computer '{}': `pumasi peers` lists them", escape(name));
            Err(Failure::new(Kind::NotFound, "unknown_node", sentence))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|node| short_node(&node.id)).collect();
            let sentence = format!(
                "'{}' could be several computers: use the beginning of an id ({})",
                escape(name),
                ids.join(", ")
            );
            Err(Failure::new(Kind::Data, "ambiguous_node", sentence))
        }
    }
}

/// The full id of the job whose id is `text`, or ends like that.
pub(super) async fn job(client: &Client, text: &str) -> Result<String, Failure> {
    if let Ok(id) = text.parse::<pumasi_protocol::JobId>() {
        return Ok(id.to_string());
    }
    let plausible = (4..36).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_hexdigit() && !c.is_ascii_uppercase() || c == '-');
    if !plausible {
        let sentence = format!("'{}' is no job: give an id, or its last digits", escape(text));
        return Err(Failure::usage(sentence));
    }
    let query = [("limit", "1000".to_owned())];
    let jobs: List<Job> = client.get_with(&["api", "v1", "jobs"], &query).await?;
    let mut found = jobs.data.iter().filter(|job| job.id.ends_with(text));
    match (found.next(), found.next()) {
        (Some(job), None) => Ok(job.id.clone()),
        (None, _) => {
            let sentence = format!("there is no job {text}: `pumasi jobs` lists them");
            Err(Failure::new(Kind::NotFound, "job_not_found", sentence))
        }
        (Some(_), Some(_)) => {
            let sentence = format!("several jobs end in {text}: give more digits");
            Err(Failure::new(Kind::Data, "ambiguous_job", sentence))
        }
    }
}
