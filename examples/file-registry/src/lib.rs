//! A registry in a folder, for processes that share one: a backend that lives in a crate of its own.
//!
//! A program links it by `use file_registry as _;`, and then takes `--registry=file --registry_address=FOLDER`.
//! Each node is one file, with its record and the time until which it holds; watchers look every 200 ms.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use micro::prelude::*;
use micro::registry::{Action, Backend, Event, Options, Registry, Service, Watcher};
use micro::{Error, Result, async_trait, inventory};
use serde::{Deserialize, Serialize};
use tokio::fs;

const ID: &str = "file-registry";

/// How often watchers look.
const LOOK: Duration = Duration::from_millis(200);

/// The largest file that is read.
const LARGEST: u64 = 1 << 20;

/// Nodes as files in one folder.
#[derive(Clone, Debug)]
pub struct FileRegistry {
    folder: PathBuf,
}

/// What one file holds.
#[derive(Clone, Serialize, Deserialize, PartialEq)]
struct Entry {
    /// With one node.
    service: Service,
    /// Seconds since 1970; `None` is for ever.
    until: Option<f64>,
}

impl FileRegistry {
    /// In this folder, which is made when a node is announced.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The one in `--registry_address`.
    fn open(options: &Options) -> Result<Arc<dyn Registry>> {
        match &options.addresses[..] {
            [folder] => Ok(Arc::new(Self::new(folder))),
            _ => Err(Error::bad_request(
                ID,
                "name one folder, as in --registry_address=/run/services",
            )),
        }
    }

    fn file(&self, service: &str, id: &str) -> PathBuf {
        // Names may hold what a file's name may not.
        let hex = |text: &str| text.bytes().map(|b| format!("{b:02x}")).collect::<String>();
        self.folder
            .join(format!("{}.{}.json", hex(service), hex(id)))
    }

    /// Every node whose time is not over, by file. A file that is being replaced, or is none of ours, is left out.
    async fn entries(&self) -> Result<BTreeMap<PathBuf, Service>> {
        let mut found = BTreeMap::new();
        let mut files = match fs::read_dir(&self.folder).await {
            Ok(files) => files,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            Err(error) => return Err(self.unavailable(error)),
        };
        while let Some(file) = files
            .next_entry()
            .await
            .map_err(|error| self.unavailable(error))?
        {
            let path = file.path();
            if path.extension().is_some_and(|kind| kind == "json")
                && let Some(entry) = read(&path).await
                && entry.until.is_none_or(|until| until > now())
            {
                found.insert(path, entry.service);
            }
        }
        Ok(found)
    }

    fn unavailable(&self, source: std::io::Error) -> Error {
        let detail = format!("the folder {} cannot be used", self.folder.display());
        Error::unavailable(ID, detail).with_source(source)
    }
}

async fn read(path: &Path) -> Option<Entry> {
    if fs::metadata(path).await.ok()?.len() > LARGEST {
        return None;
    }
    serde_json::from_slice(&fs::read(path).await.ok()?).ok()
}

fn now() -> f64 {
    SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap_or_default()
        .as_secs_f64()
}

#[async_trait]
impl Registry for FileRegistry {
    async fn register(&self, service: &Service, ttl: Option<Duration>) -> Result<()> {
        let until = ttl.map(|ttl| now() + ttl.as_secs_f64());
        for node in &service.nodes {
            let service = Service {
                nodes: vec![node.clone()],
                ..service.clone()
            };
            let path = self.file(&service.name, &node.id);
            let text = serde_json::to_vec(&Entry { service, until })
                .map_err(|error| Error::internal(ID, "no record").with_source(error))?;
            // Readers see the old file or the new one, never half of it.
            let fresh = path.with_extension(format!("{}.new", micro::id::random()));
            let written = async {
                fs::create_dir_all(&self.folder).await?;
                fs::write(&fresh, text).await?;
                fs::rename(&fresh, &path).await
            };
            written.await.map_err(|error| self.unavailable(error))?;
        }
        Ok(())
    }

    async fn deregister(&self, service: &Service) -> Result<()> {
        for node in &service.nodes {
            match fs::remove_file(self.file(&service.name, &node.id)).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(self.unavailable(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn get(&self, name: &str) -> Result<Vec<Service>> {
        let mut all = self.list().await?;
        all.retain(|service| service.name == name);
        if all.is_empty() {
            return Err(Error::not_found(
                ID,
                format!("no file of {name} in {}", self.folder.display()),
            ));
        }
        Ok(all)
    }

    async fn list(&self) -> Result<Vec<Service>> {
        let mut services: BTreeMap<(String, String), Service> = BTreeMap::new();
        for service in self.entries().await?.into_values() {
            let key = (service.name.clone(), service.version.clone());
            match services.get_mut(&key) {
                Some(known) => known.nodes.extend(service.nodes),
                None => drop(services.insert(key, service)),
            }
        }
        Ok(services.into_values().collect())
    }

    async fn watch(&self, name: Option<&str>) -> Result<Watcher> {
        let (registry, name) = (self.clone(), name.map(str::to_owned));
        let known = registry.entries().await?;
        let looks = stream::unfold((registry, known), async |(registry, known)| {
            tokio::time::sleep(LOOK).await;
            let found = match registry.entries().await {
                Ok(found) => found,
                Err(error) => return Some((vec![Err(error)], (registry, known))),
            };
            let events = changes(&known, &found).map(Ok).collect();
            Some((events, (registry, found)))
        });
        let is_wanted = move |event: &Result<Event>| match (event, &name) {
            (Ok(event), Some(name)) => event.service.name == *name,
            _ => true,
        };
        let events = looks.flat_map(stream::iter);
        Ok(events
            .filter(move |event| std::future::ready(is_wanted(event)))
            .boxed())
    }

    fn describe(&self) -> String {
        format!("files in {}", self.folder.display())
    }

    fn name(&self) -> &'static str {
        "file"
    }
}

/// What is new, changed or gone, one event for each node.
fn changes(
    known: &BTreeMap<PathBuf, Service>,
    found: &BTreeMap<PathBuf, Service>,
) -> impl Iterator<Item = Event> {
    let came = found.iter().filter_map(|(path, service)| {
        let action = match known.get(path) {
            None => Action::Create,
            Some(before) if before != service => Action::Update,
            Some(_) => return None,
        };
        let service = service.clone();
        Some(Event { action, service })
    });
    let went = known.iter().filter(|(path, _)| !found.contains_key(*path));
    let went = went.map(|(_, service)| Event {
        action: Action::Delete,
        service: service.clone(),
    });
    came.chain(went)
}

inventory::submit! {
    Backend { names: &["file"], open: FileRegistry::open }
}
