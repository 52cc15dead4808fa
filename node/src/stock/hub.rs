//! Questions to the hub, and beginning downloads.

use pumasi_hub::choose::{Variant, choose, variants};
use pumasi_hub::download::Wanted;
use pumasi_hub::{Found, Gate, Query, Reference, Repository, Revision, Sort};
use pumasi_models::name::ModelName;
use pumasi_models::store::{Sha256, StoredModel};
use pumasi_web::api::{self, PullState};
use pumasi_web::mesh::{HubSearch, StockError};

use super::pulls::{PULLS, Running};
use super::record::Record;
use super::{Stock, convert};
use crate::core::unix_ms;
use crate::hardware;

/// Memory beside a file's size that a model needs at least: a tenth of it, and this for its context and
/// the engine (guess; the inspector says it exactly).
const BESIDE_BYTES: u64 = 256 << 20;

impl Stock {
    pub(super) async fn look_for(&self, search: HubSearch) -> Result<api::HubPage, StockError> {
        let sort = match search.sort.as_deref() {
            None | Some("downloads") => Sort::Downloads,
            Some("likes") => Sort::Likes,
            Some("recent") => Sort::Recent,
            Some("trending") => Sort::Trending,
            Some(_) => {
                let sentence = "sort is downloads, likes, recent or trending".to_owned();
                return Err(convert::invalid("invalid_query", sentence));
            }
        };
        let HubSearch { text, author, limit, cursor, .. } = search;
        let query = Query { text, author, sort, limit, cursor };
        let page = self.hub().search(&query).await.map_err(|error| convert::of_hub(&error))?;
        Ok(api::HubPage { data: page.found.into_iter().map(found).collect(), next: page.next })
    }

    pub(super) async fn repository(&self, name: &str) -> Result<Repository, StockError> {
        let reference = Reference::parse(name).map_err(|error| convert::of_reference(&error))?;
        self.repository_of(&reference).await
    }

    async fn repository_of(&self, reference: &Reference) -> Result<Repository, StockError> {
        let at = reference.revision.clone().unwrap_or_else(Revision::main);
        let found = self.hub().repository(&reference.repo, &at).await;
        found.map_err(|error| convert::of_hub(&error))
    }

    pub(super) async fn repo_view(&self, name: &str) -> Result<api::HubRepo, StockError> {
        let found = self.repository(name).await?;
        let (memory, free) = (hardware::memory().total, self.store().room().free);
        let held = self.store().models();
        let variants = variants(&found.files).into_iter();
        let variants = variants.map(|variant| view(&found, variant, memory, free, &held)).collect();
        Ok(api::HubRepo {
            page: format!("{}/{}", self.hub().endpoint(), found.repo),
            repo: found.repo.to_string(),
            commit: found.commit.as_str().to_owned(),
            gated: found.gate != Gate::Open,
            downloads: found.downloads,
            likes: found.likes,
            changed: found.changed,
            parameters: found.parameters,
            architecture: found.architecture,
            licence: found.licence,
            variants,
            odd_files: found.odd,
        })
    }

    pub(super) async fn card_of(&self, name: &str) -> Result<api::HubCard, StockError> {
        let reference = Reference::parse(name).map_err(|error| convert::of_reference(&error))?;
        let at = reference.revision.unwrap_or_else(Revision::main);
        let text = self.hub().card(&reference.repo, &at).await;
        Ok(api::HubCard { text: text.map_err(|error| convert::of_hub(&error))? })
    }

    pub(super) async fn begin_pull(
        &self,
        request: api::PullRequest,
    ) -> Result<api::Pull, StockError> {
        let reference = Reference::parse(&request.model);
        let reference = reference.map_err(|error| convert::of_reference(&error))?;
        let given = request.name.as_deref().map(ModelName::parse).transpose();
        let given = given.map_err(|error| convert::of_name(&error))?;
        let found = self.repository_of(&reference).await?;
        let all = variants(&found.files);
        let variant = choose(&all, reference.choice.as_deref());
        let variant = variant.map_err(|error| convert::of_choice(&error))?;
        let wanted = wanted(&found, variant)?;
        let name = given.unwrap_or_else(|| named(&found, variant));
        self.check_held(&name, &wanted, request.update)?;
        let id = self.take(name, request.update, &wanted)?;
        self.start(&id);
        self.find_pull(&id)
    }

    /// A name that means something else is only given to another model where that was asked for.
    fn check_held(
        &self,
        name: &ModelName,
        wanted: &[Wanted],
        update: bool,
    ) -> Result<(), StockError> {
        let Some(held) = self.store().model(name) else { return Ok(()) };
        let is_same = held.row.files.iter().eq(wanted.iter().map(|wanted| &wanted.sha256));
        if is_same || update {
            return Ok(());
        }
        let of_repo = held.row.origin.filter(|origin| origin.repo == wanted[0].repo.as_str());
        Err(match of_repo {
            Some(origin) => convert::conflict(
                "revision_changed",
                format!(
                    "{name} is here from commit {}, and the hub offers another file now (commit \
                     {}). Pull it again with --update to take that one in its place.",
                    short(&origin.commit),
                    short(wanted[0].commit.as_str())
                ),
            ),
            None => convert::conflict(
                "name_taken",
                format!("{name} is another model here. Give this one another name with --name."),
            ),
        })
    }

    /// Writes the download down, or finds the one that is under way.
    fn take(&self, name: ModelName, update: bool, wanted: &[Wanted]) -> Result<String, StockError> {
        let files: Vec<Sha256> = wanted.iter().map(|wanted| wanted.sha256).collect();
        let mut pulls = self.pulls();
        if let Some(pull) = pulls.of_files(&files) {
            if pull.record.name == name {
                return Ok(pull.record.id.clone());
            }
            let sentence = format!(
                "This file is being downloaded as {}. Wait for it, then `pumasi pull` again gives \
                 it the second name without a download.",
                pull.record.name
            );
            return Err(convert::conflict("pull_under_way", sentence));
        }
        if pulls.live() >= PULLS {
            let sentence = format!("{PULLS} downloads wait already: wait, or give some up");
            return Err(convert::conflict("too_many_pulls", sentence));
        }
        let hub = self.hub().endpoint().to_string();
        let mut record = Record::new(name, update, hub, wanted, unix_ms());
        record.paused = false;
        record.write(&self.store().partials()).map_err(|_| convert::failed())?;
        let mut running = Running::new(record, PullState::Queued);
        running.done = running.on_disk(self.store());
        let id = running.record.id.clone();
        pulls.put(running);
        Ok(id)
    }
}

fn found(found: Found) -> api::HubFound {
    api::HubFound {
        repo: found.repo.to_string(),
        downloads: found.downloads,
        likes: found.likes,
        changed: found.changed,
        gated: found.gate != Gate::Open,
        parameters: found.parameters,
        architecture: found.architecture,
        licence: found.licence,
    }
}

fn view(
    found: &Repository,
    variant: Variant,
    memory: u64,
    free: u64,
    held: &[StoredModel],
) -> api::HubVariant {
    let needed = variant.bytes.saturating_add(variant.bytes / 10).saturating_add(BESIDE_BYTES);
    let digests: Option<Vec<Sha256>> = variant.files.iter().map(|file| file.sha256).collect();
    let name = held.iter().find(|model| Some(&model.row.files) == digests.as_ref());
    api::HubVariant {
        model: format!("{}:{}", found.repo, variant.label),
        files: variant.files.iter().map(|file| file.path.to_string()).collect(),
        size_bytes: variant.bytes,
        projector: variant.is_projector,
        fits: needed <= memory,
        disk_fits: name.is_some() || variant.bytes <= free,
        verifiable: digests.is_some(),
        held: name.map(|model| model.name.to_string()),
        label: variant.label,
    }
}

fn wanted(found: &Repository, variant: &Variant) -> Result<Vec<Wanted>, StockError> {
    if variant.files.len() > 1 {
        let sentence = "This model is split into several files, which the engine cannot load yet. \
                        Pick a smaller quantization that is one file."
            .to_owned();
        return Err(convert::invalid("split_model", sentence));
    }
    let file = |file: &pumasi_hub::RemoteFile| {
        let sha256 = file.sha256.ok_or(pumasi_hub::FileFault::Unverifiable);
        let sha256 = sha256.map_err(|fault| convert::of_hub(&fault.into()))?;
        let (repo, commit, path) = (found.repo.clone(), found.commit.clone(), file.path.clone());
        Ok(Wanted { repo, commit, path, bytes: file.bytes, sha256 })
    };
    variant.files.iter().map(file).collect()
}

/// `owner/name:label`, or after the file where that is no name.
fn named(found: &Repository, variant: &Variant) -> ModelName {
    let name = ModelName::parse(&format!("{}:{}", found.repo, variant.label));
    name.unwrap_or_else(|_| {
        let file = variant.files[0].path.file_name();
        ModelName::from_file_stem(&file[..file.len() - 5])
    })
}

fn short(commit: &str) -> &str {
    commit.get(..8).unwrap_or(commit)
}
