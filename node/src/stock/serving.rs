//! The store and the hub as the HTTP face sees them.

use async_trait::async_trait;
use pumasi_web::api::{self, Event, PullState};
use pumasi_web::mesh::{self, HubSearch, StockClass, StockError};

use super::{Stock, TokenError, convert};

impl Stock {
    pub(super) fn find_pull(&self, id: &str) -> Result<api::Pull, StockError> {
        let pulls = self.pulls();
        pulls.find(id).map(super::pulls::Running::view).ok_or_else(no_pull)
    }
}

fn no_pull() -> StockError {
    StockError {
        class: StockClass::NotFound,
        code: "pull_not_found",
        sentence: "there is no such download".to_owned(),
    }
}

#[async_trait]
impl mesh::Stock for Stock {
    async fn search(&self, search: HubSearch) -> Result<api::HubPage, StockError> {
        self.look_for(search).await
    }

    async fn repo(&self, name: &str) -> Result<api::HubRepo, StockError> {
        self.repo_view(name).await
    }

    async fn card(&self, name: &str) -> Result<api::HubCard, StockError> {
        self.card_of(name).await
    }

    async fn set_token(&self, token: Option<String>) -> Result<(), StockError> {
        self.on_disk(move |stock| {
            stock.keep_token(token.as_deref()).map_err(|error| match error {
                TokenError::Odd => convert::invalid("invalid_hub_token", error.to_string()),
                TokenError::Keys(error) => StockError {
                    class: StockClass::Failed,
                    code: "key_store_failed",
                    sentence: error.to_string(),
                },
            })
        })
        .await
    }

    fn pulls(&self) -> Vec<api::Pull> {
        Stock::pulls(self).views()
    }

    async fn pull(&self, request: api::PullRequest) -> Result<api::Pull, StockError> {
        self.begin_pull(request).await
    }

    async fn pause(&self, id: &str) -> Result<api::Pull, StockError> {
        {
            let mut pulls = Stock::pulls(self);
            let pull = pulls.find_mut(id).ok_or_else(no_pull)?;
            if pull.state == PullState::Done {
                return Err(convert::conflict("pull_over", "it is done already".to_owned()));
            }
            pull.record.paused = true;
            pull.record.write(&self.store().partials()).map_err(|_| convert::failed())?;
            pull.state = PullState::Paused;
            if let Some(stop) = &pull.stop {
                stop.cancel();
            }
        }
        self.tell(id);
        self.find_pull(id)
    }

    async fn resume(&self, id: &str) -> Result<api::Pull, StockError> {
        {
            let mut pulls = Stock::pulls(self);
            let pull = pulls.find_mut(id).ok_or_else(no_pull)?;
            if pull.state == PullState::Done {
                return Err(convert::conflict("pull_over", "it is done already".to_owned()));
            }
            pull.record.paused = false;
            pull.record.write(&self.store().partials()).map_err(|_| convert::failed())?;
        }
        self.start_again(id).await;
        self.find_pull(id)
    }

    async fn give_up(&self, id: &str) -> Result<(), StockError> {
        let gone = Stock::pulls(self).remove(id).ok_or_else(no_pull)?;
        if let Some(stop) = &gone.stop {
            stop.cancel();
        }
        gone.record.remove(&self.store().partials());
        let needed = Stock::pulls(self).needed();
        for file in gone.files().iter().filter(|file| !needed.contains(file)) {
            // What a task that is just ending still writes is garbage, and goes as such.
            let _ = std::fs::remove_file(self.store().partial(file));
            let _ = std::fs::remove_file(self.store().partial(file).with_extension("tree"));
        }
        self.say(Event::PullGone { id: id.to_owned() });
        Ok(())
    }

    async fn stock(&self) -> Result<api::Stock, StockError> {
        self.on_disk(|stock| Ok(stock.inventory())).await
    }

    async fn pin(&self, model: &str, pinned: bool) -> Result<(), StockError> {
        let model = model.to_owned();
        self.on_disk(move |stock| stock.pin_model(&model, pinned)).await
    }

    async fn remove(&self, model: &str) -> Result<(), StockError> {
        let model = model.to_owned();
        self.on_disk(move |stock| stock.remove_model(&model)).await
    }

    async fn copy(&self, from: &str, to: &str) -> Result<(), StockError> {
        let (from, to) = (from.to_owned(), to.to_owned());
        self.on_disk(move |stock| stock.copy_model(&from, &to)).await
    }

    async fn import(&self, request: api::ImportRequest) -> Result<Vec<api::Imported>, StockError> {
        self.on_disk(move |stock| stock.import_files(&request)).await
    }

    async fn verify(&self, model: Option<String>) -> Result<Vec<api::Verified>, StockError> {
        self.on_disk(move |stock| stock.verify_models(model.as_deref())).await
    }

    async fn sweep(&self, request: api::SweepRequest) -> Result<api::Swept, StockError> {
        self.on_disk(move |stock| stock.sweep_up(&request)).await
    }
}
