//! The one store that a server has: files below its root, to be read.
//!
//! Responsible for: what engines read by themselves (Parquet, CSV). Logs are opened by `origin`, by the same rule.
//! Must not know: what is in files.
//! Tested by: the unit tests below.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{
    self, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use url::Url;

/// The registry of a server: `file` and nothing else, for ever.
#[derive(Debug)]
pub(super) struct Stores(Arc<RootStore>);

impl Stores {
    /// The one of this folder.
    pub(super) fn new(root: &FilePath) -> std::io::Result<Stores> {
        Ok(Stores(Arc::new(RootStore { root: root.canonicalize()?, files: LocalFileSystem::new() })))
    }
}

impl ObjectStoreRegistry for Stores {
    fn register_store(&self, _: &Url, _: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match url.scheme() {
            "file" => Ok(Arc::clone(&self.0) as Arc<dyn ObjectStore>),
            scheme => plan_err!("{scheme}: this cluster reads files only"),
        }
    }
}

/// Files below a folder, to be read.
#[derive(Debug)]
struct RootStore {
    root: PathBuf,
    files: LocalFileSystem,
}

impl fmt::Display for RootStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files below {}", self.root.display())
    }
}

fn refused(path: &Path, why: &str) -> Error {
    Error::PermissionDenied { path: path.to_string(), source: why.into() }
}

impl RootStore {
    /// Refuses what is not below the root, wherever links lead.
    fn below(&self, path: &Path) -> object_store::Result<()> {
        let real = self.files.path_to_filesystem(path)?;
        // What is not there is told by whoever opens it.
        let real = real.canonicalize().unwrap_or(real);
        match real.starts_with(&self.root) {
            true => Ok(()),
            false => Err(refused(path, "not below the folder that is served")),
        }
    }
}

const READ_ONLY: &str = "a cluster writes no files";

#[async_trait]
impl ObjectStore for RootStore {
    async fn put_opts(&self, path: &Path, _: PutPayload, _: PutOptions) -> object_store::Result<PutResult> {
        Err(refused(path, READ_ONLY))
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        _: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        Err(refused(path, READ_ONLY))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.below(path)?;
        self.files.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        paths.map(|path| path.and_then(|path| Err(refused(&path, READ_ONLY)))).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        let root = Path::default();
        match self.below(prefix.unwrap_or(&root)) {
            Ok(()) => self.files.list(prefix),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.below(prefix.unwrap_or(&Path::default()))?;
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, to: &Path, _: CopyOptions) -> object_store::Result<()> {
        Err(refused(to, READ_ONLY))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::object_store::ObjectStoreExt as _;

    use super::*;

    #[test]
    fn only_files_below_the_root_are_read_and_none_is_written() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read_and_written());
    }

    async fn read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, outside) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("a"), "a").unwrap();
        std::fs::write(&outside, "b").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let stores = Stores::new(&inside).unwrap();
        let store = stores.get_store(&Url::parse("file:///").unwrap()).unwrap();
        let path = |file: &FilePath| Path::from_absolute_path(file).unwrap();
        assert_eq!(store.get(&path(&inside.join("a"))).await.unwrap().bytes().await.unwrap(), "a");
        let raw = |text: String| Path::parse(text.trim_start_matches('/'));
        for file in [outside.clone(), inside.join("link"), "/etc/passwd".into()] {
            assert!(store.get(&path(&file)).await.is_err(), "{file:?}");
            assert!(store.head(&path(&file)).await.is_err(), "{file:?}");
        }
        assert!(raw(format!("{}/../out", inside.display())).is_err(), "a path with dots is none");
        assert!(store.put(&path(&inside.join("new")), "x".into()).await.is_err());
        assert!(store.delete(&path(&inside.join("a"))).await.is_err());
        assert!(store.copy(&path(&inside.join("a")), &path(&inside.join("c"))).await.is_err());
        assert!(store.list(Some(&path(folder.path()))).next().await.unwrap().is_err());
        assert!(stores.get_store(&Url::parse("http://example.invalid/").unwrap()).is_err());
        assert!(inside.join("a").exists() && !inside.join("new").exists() && !inside.join("c").exists());
    }
}
