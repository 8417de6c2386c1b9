//! Where logs come from, as text that another process opens them by: the command line, and each file as it is now.
//!
//! Responsible for: what may be sent, what is opened, and that both are the same: files below the root that is served, of at
//! least the size that they had, beginning with the same bytes. Only so much is read of them.
//! Must not know: plans, connections.
//! Tested by: the unit tests below, `benches/cluster.sh`.

use std::fs::{File, Metadata};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail, ensure};
use clap::Parser as _;
use fwlog::text;
use fwstat::cli::{Common, InputArgs, LookArgs};
use fwstat::options::{Options, Shared};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::logs::Logs;

/// What both sides must have in common: messages are not read by another version.
pub(super) const VERSION: &str = concat!("fwstat-sql ", env!("CARGO_PKG_VERSION"), ", messages 2");
/// So much of a file's beginning says whether it is the same file.
const HEAD: u64 = 1024;

/// The logs of a command line for another process, with these objects; `may_be_none` if there are other tables.
///
/// # Errors
/// An option is of this machine only, no file is named, or one cannot be read.
pub fn describe(cli: &Cli, may_be_none: bool, objects: &[Value]) -> anyhow::Result<String> {
    let common = &cli.common;
    if let Some(option) = local_only(&common.input) {
        bail!(
            "{option} is of one machine: a cluster reads files that each of its machines has under the same name"
        );
    }
    ensure!(
        may_be_none || !common.files.is_empty(),
        "name the files: a cluster reads those that each of its machines has under the same name"
    );
    let files = common.files.iter().map(|path| file(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let zone = match &common.input {
        InputArgs { utc: true, .. } => "UTC".to_owned(),
        InputArgs { tz: Some(zone), .. } => zone.clone(),
        _ => {
            let zone = Options::of_logs(common, true)?.plan.clock.zone.clone();
            let name = zone.iana_name().map(ToOwned::to_owned);
            name.context("the zone of this machine has no name that others know: --tz ZONE")?
        }
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = common.input.now.clone().unwrap_or_else(|| format!("@{}", since.as_secs()));
    // What a server keeps open for one client is not for another, who may mean other files of the same name.
    let client = format!("{}.{}", since.as_nanos(), std::process::id());
    Ok(json!({ "client": client, "words": cli.words, "files": files, "objects": objects, "zone": zone, "now": now }).to_string())
}

/// The option, if there is one, that means something only here.
fn local_only(input: &InputArgs) -> Option<&'static str> {
    let InputArgs { journal, journal_pipe, boot, machine_id, rotated, names, resolve, geoip, root, .. } =
        input;
    let all = [
        (journal.is_some() || *journal_pipe, "--journal"),
        (boot.is_some() || machine_id.is_some(), "--boot"),
        (*rotated, "--rotated"),
        (!names.is_empty(), "--names"),
        (*resolve, "--resolve"),
        (!geoip.is_empty(), "--geoip"),
        (root.is_some(), "--root"),
        (input.accounting.rejects.is_some(), "--rejects"),
    ];
    all.into_iter().find(|(given, _)| *given).map(|(_, option)| option)
}

/// A file as it is now.
fn file(path: &Path) -> anyhow::Result<Value> {
    let name = || text::escape(path.as_os_str().as_encoded_bytes());
    let absolute = std::path::absolute(path).with_context(name)?;
    let meta = std::fs::metadata(path).with_context(name)?;
    ensure!(meta.is_file(), "{}: no file; a cluster reads nothing else", name());
    let text =
        absolute.to_str().ok_or_else(|| anyhow!("{}: a name that is no text cannot be sent", name()))?;
    let head = fingerprint(path, meta.len()).with_context(name)?;
    let name_typed = path.to_string_lossy();
    Ok(json!({ "path": text, "name": name_typed, "size": meta.len(), "head": format!("{head:016x}") }))
}

/// A number for the beginning of a file of that size (FNV-1a, which is the same everywhere).
fn fingerprint(path: &Path, size: u64) -> std::io::Result<u64> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD.min(size)).read_to_end(&mut head)?;
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    Ok(head.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

/// What a server reads, and nothing else.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// Files below this folder.
    pub(super) root: PathBuf,
    /// Objects whose names begin so.
    pub(super) objects: Vec<String>,
}

/// Opens what [`describe`] described, of what is served.
///
/// # Errors
/// It makes no sense, or a file is not what it was, or not below the root.
pub(super) fn open(origin: &str, whole: bool, served: &Served) -> anyhow::Result<Logs> {
    let told: Value = serde_json::from_str(origin).context("the description of the logs")?;
    let words = strings(&told["words"])?;
    let mut cli = Cli::try_parse_from(words).map_err(|error| anyhow!("the options of the query: {error}"))?;
    ensure!(local_only(&cli.common.input).is_none(), "an option of the query is of one machine");
    let shared = Shared::default();
    let root = &served.root;
    let root = root.canonicalize().with_context(|| root.display().to_string())?;
    let files = told["files"].as_array().context("no files are named")?;
    let files =
        files.iter().map(|file| same(file, &root, &shared)).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    let Common { input, output, .. } = &mut cli.common;
    (output.look, output.format, output.json) = (LookArgs::default(), None, false);
    (input.utc, input.tz) = (false, Some(told["zone"].as_str().context("no zone")?.to_owned()));
    input.now = Some(told["now"].as_str().context("no time")?.to_owned());
    cli.common.files = files;
    let options = match cli.common.files.is_empty() {
        true => Options::of_logs(&cli.common, true),
        false => Options::again(&cli.common, false, &shared),
    };
    let Options { mut queue, plan, .. } = options?;
    for object in told["objects"].as_array().context("no objects are named")? {
        add(&mut queue, object, &served.objects)?;
    }
    Ok(Logs::new(queue, plan, whole).of_cluster(origin.to_owned()))
}

#[cfg(feature = "s3")]
fn add(queue: &mut fwlog::input::InputQueue, object: &Value, served: &[String]) -> anyhow::Result<()> {
    queue.add_object(crate::objects::Log::same(object, served)?);
    Ok(())
}

#[cfg(not(feature = "s3"))]
fn add(_: &mut fwlog::input::InputQueue, _: &Value, _: &[String]) -> anyhow::Result<()> {
    bail!("this part of the cluster was built without S3")
}

fn strings(values: &Value) -> anyhow::Result<Vec<String>> {
    let values = values.as_array().context("no options")?;
    values.iter().map(|word| word.as_str().map(ToOwned::to_owned).context("an option is no text")).collect()
}

/// The path of a file without links, if it is still what was described; it is read as far as it went then, and called as it
/// was typed.
fn same(told: &Value, root: &Path, shared: &Shared) -> anyhow::Result<PathBuf> {
    let path = Path::new(told["path"].as_str().context("a file without a path")?);
    let name = text::escape(path.as_os_str().as_encoded_bytes());
    let real = path.canonicalize().with_context(|| name.clone())?;
    ensure!(
        path.is_absolute() && real.starts_with(root),
        "{name}: not below {}, which is all that is served",
        root.display()
    );
    let meta: Metadata = std::fs::metadata(&real).with_context(|| name.clone())?;
    let size = told["size"].as_u64().context("a file without a size")?;
    ensure!(meta.is_file() && meta.len() >= size, "{name}: became shorter since the query was sent");
    let head = fingerprint(&real, size).with_context(|| name.clone())?;
    ensure!(told["head"] == format!("{head:016x}"), "{name}: another file than when the query was sent");
    shared.read_until(&meta, size);
    shared.call(real.clone(), told["name"].as_str().context("a file without a name")?.to_owned());
    // What was looked at, whatever the links of its path are by now.
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(root: &Path) -> Served {
        Served { root: root.to_owned(), objects: Vec::new() }
    }

    fn described(words: &[&str]) -> String {
        let mut cli = Cli::try_parse_from(words).unwrap();
        cli.words = words.iter().map(ToString::to_string).collect();
        describe(&cli, false, &[]).unwrap()
    }

    #[test]
    fn files_are_what_they_were_and_below_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kern.log");
        std::fs::write(&path, "one\ntwo\n").unwrap();
        let name = path.to_str().unwrap();
        let origin = described(&["fwstat sql", "--tz=Europe/Berlin", "--prefix=a", name]);
        let opened = |root: &Path| {
            open(&origin, false, &served(root)).map(|logs| logs.size()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(opened(folder.path()), Ok(8));
        // It is called as it was typed, and read where links lead to.
        let link = folder.path().join("link.log");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let linked = described(&["fwstat sql", "--utc", link.to_str().unwrap()]);
        let logs = open(&linked, false, &served(folder.path())).unwrap();
        let cut = fwlog::input::apart::Cut { size: 1, times: false, whole: true, between: None };
        assert_eq!(logs.pieces(&cut)[0].name, link.to_str().unwrap());
        std::fs::remove_file(&link).unwrap();
        // What is written later is not read.
        std::fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert!(opened(folder.path()).is_ok());
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(opened(elsewhere.path()).unwrap_err().contains("not below"));
        let other = elsewhere.path().join("secret");
        std::fs::write(&other, "one\ntwo\n").unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(opened(folder.path()).is_err());
        std::os::unix::fs::symlink(&other, &path).unwrap();
        assert!(opened(folder.path()).unwrap_err().contains("not below"));
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "one\n").unwrap();
        assert!(opened(folder.path()).unwrap_err().contains("shorter"));
        std::fs::write(&path, "another\n").unwrap();
        assert!(opened(folder.path()).unwrap_err().contains("another file"));
    }

    #[test]
    fn what_only_this_machine_has_is_not_sent() {
        for words in [
            &["fwstat sql", "--rotated", "x"][..],
            &["fwstat sql", "--journal"],
            &["fwstat sql", "--names=/etc/hosts", "x"],
            &["fwstat sql"],
            &["fwstat sql", "/nowhere/x"],
            &["fwstat sql", "/"],
        ] {
            assert!(describe(&Cli::try_parse_from(words).unwrap(), false, &[]).is_err(), "{words:?}");
        }
        // Nor opened, whatever is sent.
        let sent =
            json!({"words": ["fwstat sql", "--names=/etc/shadow"], "files": [], "zone": "UTC", "now": "@1"});
        assert!(open(&sent.to_string(), false, &served(Path::new("/"))).is_err());
        for sent in
            ["", "{}", "[]", "{\"words\":[7]}", "{\"words\":[\"fwstat sql\",\"--no-such\"],\"files\":[]}"]
        {
            assert!(open(sent, false, &served(Path::new("/"))).is_err(), "{sent}");
        }
    }
}
