//! Logs in S3, or in a store that speaks like it, as `s3://BUCKET/KEY`.
//!
//! Responsible for: which objects a word names, and reading them in ranges. An object that changes while it is read is an
//! error. Where a store is and who asks is said by the environment (`AWS_*`), here as on each machine of a cluster.
//! Must not know: what is in them.
//! Tested by: the unit tests below, `benches/s3.sh`.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow, bail, ensure};
use futures::TryStreamExt as _;
use fwlog::input::InputError;
use fwlog::input::stored::Object;
use fwlog::text;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt as _, RetryConfig};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// How the names of objects begin.
pub const SCHEME: &str = "s3://";
/// So much is read ahead of one who reads on.
const AHEAD: u64 = 4 << 20;
/// So many stretches are kept, of all objects.
const KEPT: usize = 32;

/// Takes the names of objects out of a list of files.
pub fn take(files: &mut Vec<PathBuf>) -> Vec<String> {
    let (objects, others) = std::mem::take(files)
        .into_iter()
        .partition::<Vec<_>, _>(|file| file.to_str().is_some_and(|name| name.starts_with(SCHEME)));
    *files = others;
    objects.into_iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

/// The objects that names stand for, in which `*` is anything but `/`, and what cannot be found.
#[must_use]
pub fn found(names: &[String]) -> (Vec<Arc<Log>>, Vec<InputError>) {
    let (mut all, mut errors) = (Vec::new(), Vec::new());
    for name in names {
        match named(name) {
            Ok(objects) => all.extend(objects),
            Err(error) => {
                errors.push(InputError { name: name.clone(), reason: format!("{error:#}"), hint: None });
            }
        }
    }
    (all, errors)
}

fn named(name: &str) -> anyhow::Result<Vec<Arc<Log>>> {
    let (bucket, key) = parts(name)?;
    let store = store(bucket)?;
    let Some((before, _)) = key.split_once('*') else {
        let (path, asked) = (Path::parse(key)?, Arc::clone(&store));
        let meta = wait(async move { asked.head(&path).await })?.map_err(|error| told(&error))?;
        return Ok(vec![Arc::new(Log::new(bucket, &store, meta))]);
    };
    let folder = before.rsplit_once('/').map(|(folder, _)| Path::parse(folder)).transpose()?;
    let asked = Arc::clone(&store);
    let all = wait(async move { asked.list(folder.as_ref()).try_collect::<Vec<ObjectMeta>>().await })?;
    let mut all = all.map_err(|error| told(&error))?;
    all.retain(|meta| matches(key, meta.location.as_ref()));
    ensure!(!all.is_empty(), "no object has such a name");
    all.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(all.into_iter().map(|meta| Arc::new(Log::new(bucket, &store, meta))).collect())
}

/// The bucket and the key of a name.
fn parts(name: &str) -> anyhow::Result<(&str, &str)> {
    let parts = name.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/'));
    let parts = parts.filter(|(bucket, key)| !bucket.is_empty() && !key.is_empty());
    parts.with_context(|| format!("{}: s3://BUCKET/KEY is needed", text::escape(name.as_bytes())))
}

/// Whether a key is meant by a pattern.
fn matches(pattern: &str, key: &str) -> bool {
    let Some((before, behind)) = pattern.split_once('*') else { return pattern == key };
    let Some(rest) = key.strip_prefix(before) else { return false };
    let end = rest.find('/').unwrap_or(rest.len());
    (0..=end).any(|at| rest.is_char_boundary(at) && matches(behind, &rest[at..]))
}

/// The store of a bucket, as the environment says.
fn store(bucket: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    // Of two that are installed the first one stays.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let retries =
        RetryConfig { max_retries: 3, retry_timeout: Duration::from_secs(20), ..RetryConfig::default() };
    let builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retries);
    Ok(Arc::new(builder.build().map_err(|error| told(&error))?))
}

/// An error of a store in one line.
fn told(error: &object_store::Error) -> anyhow::Error {
    match error {
        object_store::Error::NotFound { .. } => anyhow!("no such object"),
        object_store::Error::Precondition { .. } => anyhow!("changed since the query began"),
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            anyhow!("{}", text::escape(line.chars().take(300).collect::<String>().as_bytes()))
        }
    }
}

/// Waits for a store, wherever it is called: the store has threads of its own.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> anyhow::Result<T> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().ok()
    });
    let runtime = made.as_ref().context("no threads can be made")?;
    let (tell, result) = mpsc::channel();
    runtime.spawn(async move {
        // Who asked waits below.
        let _ = tell.send(work.await);
    });
    result.recv().context("the store's thread ended")
}

/// A log in a store.
#[derive(Debug)]
pub struct Log {
    name: String,
    number: u64,
    meta: ObjectMeta,
    store: Arc<dyn ObjectStore>,
}

impl Log {
    fn new(bucket: &str, store: &Arc<dyn ObjectStore>, meta: ObjectMeta) -> Log {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("{SCHEME}{bucket}/{}", meta.location);
        Log { name, number: NUMBER.fetch_add(1, Ordering::Relaxed), meta, store: Arc::clone(store) }
    }

    /// What another process finds the same object by.
    #[must_use]
    pub fn described(&self) -> Value {
        json!({ "name": self.name, "size": self.meta.size, "tag": self.meta.e_tag })
    }

    /// The object that was described, if it is below one of these names and still the same.
    ///
    /// # Errors
    /// It is not.
    pub fn same(described: &Value, served: &[String]) -> anyhow::Result<Arc<Log>> {
        let name = described["name"].as_str().context("an object without a name")?;
        let shown = text::escape(name.as_bytes());
        let is_served = served.iter().any(|beginning| {
            let rest = name.strip_prefix(beginning.trim_end_matches('/'));
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        ensure!(is_served, "{shown}: not below the objects that are served (--objects)");
        ensure!(!name.contains('*'), "{shown}: a pattern");
        let all = named(name).with_context(|| shown.clone())?;
        let [object] = &all[..] else { bail!("{shown}: no such object") };
        ensure!(object.described() == *described, "{shown}: another object than when the query was sent");
        Ok(Arc::clone(object))
    }

    fn fetch(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let options = GetOptions {
            range: Some((from..to).into()),
            if_match: self.meta.e_tag.clone(),
            ..GetOptions::default()
        };
        let (store, path) = (Arc::clone(&self.store), self.meta.location.clone());
        let got = wait(async move { store.get_opts(&path, options).await?.bytes().await });
        let got =
            got.map_err(io::Error::other)?.map_err(|error| io::Error::other(told(&error).to_string()))?;
        match got.len() as u64 == to - from {
            true => Ok(got.into()),
            false => Err(io::Error::other("the store gave less than was asked for")),
        }
    }
}

/// Stretches of objects: whose, from where, what. Those that were used last are behind.
type Stretches = VecDeque<(u64, u64, Arc<Vec<u8>>)>;

static STRETCHES: Mutex<Stretches> = Mutex::new(VecDeque::new());

impl Object for Log {
    fn name(&self) -> &str {
        &self.name
    }

    fn size(&self) -> u64 {
        self.meta.size
    }

    fn written(&self) -> Option<SystemTime> {
        Some(self.meta.last_modified.into())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let rest = usize::try_from(self.meta.size.saturating_sub(at)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(rest);
        if wanted == 0 {
            return Ok(0);
        }
        let lock = || STRETCHES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reads_on = false;
        let kept = {
            let all = lock();
            let mut ours = all.iter().rev().filter(|(object, ..)| *object == self.number);
            ours.find(|(_, from, bytes)| {
                let end = from + bytes.len() as u64;
                reads_on |= at == end;
                (*from..end).contains(&at)
            })
            .cloned()
        };
        let (from, bytes) = match kept {
            Some((_, from, bytes)) => (from, bytes),
            None => {
                let much = if reads_on { AHEAD.max(wanted as u64) } else { wanted as u64 };
                let bytes = Arc::new(self.fetch(at, (at + much).min(self.meta.size))?);
                let mut all = lock();
                all.push_back((self.number, at, Arc::clone(&bytes)));
                if all.len() > KEPT {
                    all.pop_front();
                }
                (at, bytes)
            }
        };
        let bytes = &bytes[usize::try_from(at - from).unwrap_or(0)..];
        let given = wanted.min(bytes.len());
        buffer[..given].copy_from_slice(&bytes[..given]);
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn names_and_patterns() {
        assert_eq!(parts("s3://logs/2026/kern.log").unwrap(), ("logs", "2026/kern.log"));
        for wrong in ["s3://", "s3://logs", "s3:///x", "s3://logs/"] {
            assert!(parts(wrong).is_err(), "{wrong}");
        }
        for (pattern, key, meant) in [
            ("a/*.log", "a/b.log", true),
            ("a/*.log", "a/.log", true),
            ("a/*.log", "a/b/c.log", false),
            ("*/kern.log*", "gw/kern.log.1", true),
            ("a", "ab", false),
            ("a*b*c", "axbxbc", true),
            ("a*b*c", "axbxb", false),
            ("*", "\u{e9}", true),
        ] {
            assert_eq!(matches(pattern, key), meant, "{pattern} {key}");
        }
        let mut files = vec![PathBuf::from("kern.log"), PathBuf::from("s3://logs/a")];
        assert_eq!(take(&mut files), ["s3://logs/a"]);
        assert_eq!(files, [PathBuf::from("kern.log")]);
    }

    #[test]
    fn any_place_is_read_and_a_change_is_an_error() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let text: Vec<u8> = (0..6_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let put = |text: Vec<u8>| {
            let store = Arc::clone(&store);
            wait(async move { store.put(&Path::from("a"), text.into()).await.unwrap() }).unwrap()
        };
        put(text.clone());
        let asked = Arc::clone(&store);
        let meta = wait(async move { asked.head(&Path::from("a")).await.unwrap() }).unwrap();
        let log = Log::new("logs", &store, meta);
        assert_eq!((log.name(), log.size()), ("s3://logs/a", 6_000_000));
        for (at, length) in
            [(0, 10), (10, 100), (5_999_990, 50), (50, 5_000_000), (6_000_000, 1), (9_000_000, 1)]
        {
            let mut buffer = vec![0; length];
            let mut read = 0;
            loop {
                match log.read_at(&mut buffer[read..], (at + read) as u64).unwrap() {
                    0 => break,
                    more => read += more,
                }
            }
            let wanted = text.get(at..).unwrap_or_default();
            assert!(buffer[..read] == wanted[..length.min(wanted.len())], "{at} {length}");
        }
        put(b"other".to_vec());
        let error = log.read_at(&mut [0; 77], 4_000_000).map(|_| ());
        // What was read ahead is still there.
        assert!(error.is_ok());
        STRETCHES.lock().unwrap().clear();
        assert!(log.read_at(&mut [0; 77], 4_000_000).unwrap_err().to_string().contains("changed"));
    }

    #[test]
    fn only_what_is_served_is_opened() {
        for name in ["s3://other/a", "s3://logs2/a", "s3://logs", "/etc/passwd", "s3://logs/in"] {
            let sent = json!({ "name": name, "size": 1, "tag": null });
            let error = Log::same(&sent, &["s3://logs/inner".to_owned()]).unwrap_err().to_string();
            assert!(error.contains("not below"), "{name}: {error}");
        }
    }
}
