//! `invite`, `invitations`: making invitations, as text, file and QR code, and taking them back.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use pumasi_web::api::{Invitation, InvitationToken, InviteRequest, List};
use reqwest::Method;
use serde_json::json;

use super::arguments::{InvitationsAction, InviteArguments};
use super::client::Client;
use super::failure::{Failure, Kind};
use super::input;
use super::mesh::{role, role_name, until};
use super::output::Output;
use super::table::{Align, Table};
use super::text::{escape, span};
use crate::qr;

const INVITATIONS: [&str; 3] = ["api", "v1", "invitations"];

pub(super) async fn invite(
    find: impl FnOnce() -> Result<Client, Failure>,
    arguments: &InviteArguments,
    output: &Output,
) -> Result<(), Failure> {
    let person = arguments.person.as_deref().map(input::name).transpose()?;
    let valid_s = u32::try_from(arguments.expires.0.as_secs());
    let request = InviteRequest {
        person: person.map(String::from),
        role: Some(role(arguments.role)),
        uses: Some(arguments.count),
        valid_s: Some(valid_s.map_err(|_| Failure::usage("--expires is too long"))?),
    };
    let client = find()?;
    // Before there is an invitation that would be lost.
    let file = arguments.file.as_deref().map(NewFile::create).transpose()?;
    let made: InvitationToken = client.post(&INVITATIONS, &request).await?;
    let path = file.map(|file| file.fill(&made.token)).transpose()?;
    if output.is_json() {
        return output.object(&made);
    }
    let computers = if arguments.count == 1 { "one computer" } else { "each computer" };
    let within = span(arguments.expires.0);
    if let Some(path) = path {
        output.note(&format!(
            "{path} holds an invitation. On {computers} that may join, within {within}, run \
             `pumasi join` with that file. Whoever has it can join"
        ));
    } else {
        output.note(&format!(
            "On {computers} that may join, within {within}, run `pumasi join` with this line. \
             Whoever has it can join:"
        ));
        output.line(&escape(&made.token))?;
    }
    if arguments.qr { show(&made.token, output) } else { Ok(()) }
}

fn show(token: &str, output: &Output) -> Result<(), Failure> {
    let lines = qr::lines(token).ok_or_else(|| {
        Failure::new(Kind::Data, "no_qr", "this invitation is too long for a QR code: use --file")
    })?;
    lines.iter().try_for_each(|line| output.line(line))
}

/// A file that this command made, which goes again unless it is filled.
struct NewFile<'a> {
    path: &'a Path,
    filled: bool,
}

impl<'a> NewFile<'a> {
    /// Only its owner may read it; what is there already is left alone.
    fn create(path: &'a Path) -> Result<Self, Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(path).map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path, filled: false })
    }

    /// Gives the path as people see it.
    fn fill(mut self, token: &str) -> Result<String, Failure> {
        let written = OpenOptions::new().write(true).open(self.path).and_then(|mut file| {
            file.write_all(format!("{token}\n").as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| cannot_write(self.path, &error))?;
        self.filled = true;
        Ok(escape(&self.path.to_string_lossy()))
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if !self.filled {
            // An empty file left behind does no harm.
            let _ = std::fs::remove_file(self.path);
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    let path = escape(&path.to_string_lossy());
    let sentence =
        format!("{path} cannot be written: {error}: name a file that does not exist yet");
    Failure::new(Kind::Io, "no_output", sentence)
}

pub(super) async fn invitations(
    find: impl FnOnce() -> Result<Client, Failure>,
    action: Option<InvitationsAction>,
    output: &Output,
) -> Result<(), Failure> {
    match action {
        None | Some(InvitationsAction::List) => list(&find()?, output).await,
        Some(InvitationsAction::Withdraw { invitation }) => {
            withdraw(&find()?, &invitation, output).await
        }
    }
}

async fn list(client: &Client, output: &Output) -> Result<(), Failure> {
    let open: List<Invitation> = client.get(&INVITATIONS).await?;
    if output.is_json() {
        return output.object(&open);
    }
    if open.data.is_empty() {
        output.note("no invitation is open: `pumasi invite` makes one");
        return Ok(());
    }
    let mut table = Table::new([
        ("ID", Align::Left),
        ("USED", Align::Right),
        ("ENDS IN", Align::Right),
        ("PERSON", Align::Left),
        ("ROLE", Align::Left),
    ]);
    for invitation in &open.data {
        table.row([
            invitation.id.as_str(),
            &format!("{} of {}", invitation.used, invitation.uses),
            &span(until(invitation.expires_ms)),
            invitation.person.as_deref().unwrap_or("-"),
            role_name(invitation.role),
        ]);
    }
    table.print(output)
}

async fn withdraw(client: &Client, text: &str, output: &Output) -> Result<(), Failure> {
    let open: List<Invitation> = client.get(&INVITATIONS).await?;
    let begun = |invitation: &&Invitation| !text.is_empty() && invitation.id.starts_with(text);
    let found: Vec<_> = open.data.iter().filter(begun).collect();
    let id = match found.as_slice() {
        [invitation] => invitation.id.as_str(),
        [] => {
            let sentence = format!(
                "no open invitation {}: `pumasi invitations` lists those that are open",
                escape(text)
            );
            return Err(Failure::new(Kind::NotFound, "invitation_not_found", sentence));
        }
        several => {
            let sentence = format!(
                "{} invitations begin with {}: give more digits",
                several.len(),
                escape(text)
            );
            return Err(Failure::new(Kind::Data, "ambiguous", sentence));
        }
    };
    client.send(Method::DELETE, &["api", "v1", "invitations", id], None).await?;
    if output.is_json() {
        return output.object(&json!({ "withdrawn": id }));
    }
    output.note(&format!("the invitation {id} lets nobody in any more"));
    Ok(())
}
