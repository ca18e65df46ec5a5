//! Files from the web: resumed where they were cut off, checked before they have their name.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Client, Response, StatusCode, Url};

use crate::monitor::Monitor;

/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How often it is asked whether to stop.
const ASK: Duration = Duration::from_millis(200);
/// Tries in a row that bring nothing, before it is given up.
const TRIES: u32 = 4;
/// Redirects that are followed.
const REDIRECTS: usize = 10;

/// What is to be had, and how it is known to be that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is.
    pub url: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a file was not fetched. What came of it is kept beside the target as `NAME.part`, unless it is wrong.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The address is none.
    #[error("'{url}' is no address of a file: {reason}")]
    Address {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection, or one that broke again and again.
    #[error("{url}: {reason}{}", kept(*had, *bytes))]
    Connection {
        /// The address.
        url: String,
        /// What the system says.
        reason: String,
        /// Bytes that came.
        had: u64,
        /// Bytes of the whole.
        bytes: u64,
    },
    /// The server will not give it.
    #[error("{url}: the server answered {status}{hint}")]
    Refused {
        /// The address.
        url: String,
        /// Its answer.
        status: StatusCode,
        /// What that means, where it is known.
        hint: &'static str,
    },
    /// What is there is something else.
    #[error("{url}: not the file that is wanted: {reason}")]
    Other {
        /// The address, after redirects.
        url: String,
        /// How that is known.
        reason: String,
    },
    /// The file system.
    #[error("{path}: {reason}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says, and the mend.
        reason: String,
    },
    /// Another program fetches the same file.
    #[error("{path}: another director fetches this file now; wait for it")]
    Busy {
        /// The part that it writes.
        path: PathBuf,
    },
    /// Stopped on request.
    #[error("interrupted; what came is kept, and the same command goes on from there")]
    Interrupted,
}

/// What was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Host that it came from in the end; `None` where it was there already.
    pub host: Option<String>,
    /// Bytes that an earlier try had left.
    pub resumed: u64,
}

/// What is left of a try, for an error.
fn kept(had: u64, bytes: u64) -> String {
    match had {
        0 => String::new(),
        had => {
            format!("; {had} of {bytes} bytes are kept, and the same command goes on from there")
        }
    }
}

impl FetchError {
    fn disk(path: &Path, error: &std::io::Error) -> Self {
        let mend = match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                "; free some space, and the same command goes on"
            }
            std::io::ErrorKind::PermissionDenied => "; name a folder that may be written",
            _ => "",
        };
        Self::Disk {
            path: path.to_owned(),
            reason: format!("{error}{mend}"),
        }
    }
}

/// Fetches a file to `target`, whose folder is made. It has that name only once all of it is there and its digest is right.
///
/// # Errors
/// [`FetchError`].
pub fn fetch(wanted: &Wanted, target: &Path, monitor: &dyn Monitor) -> Result<Fetched, FetchError> {
    if is(wanted, target)? {
        return Ok(Fetched {
            host: None,
            resumed: 0,
        });
    }
    let url = Url::parse(&wanted.url).map_err(|error| FetchError::Address {
        url: wanted.url.clone(),
        reason: error.to_string(),
    })?;
    let folder = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|e| FetchError::disk(folder, &e))?;
    let mut part = Part::open(target, wanted)?;
    let resumed = part.had;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| FetchError::disk(target, &e))?;
    let filled = runtime.block_on(part.filled(&url, wanted, monitor));
    let host = filled.inspect_err(|_| {
        if part.had == 0 {
            // Nothing came: nothing is left.
            let _ = std::fs::remove_file(&part.path);
        }
    })?;
    part.named(target, wanted, &url)?;
    Ok(Fetched { host, resumed })
}

/// Whether a file is there and is what is wanted.
///
/// # Errors
/// It is there and cannot be read.
pub fn is(wanted: &Wanted, file: &Path) -> Result<bool, FetchError> {
    let opened = match File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(FetchError::disk(file, &error)),
    };
    let disk = |e: std::io::Error| FetchError::disk(file, &e);
    if opened.metadata().map_err(disk)?.len() != wanted.bytes {
        return Ok(false);
    }
    Ok(crate::hash::sha256_of(opened).map_err(disk)? == wanted.sha256)
}

/// The file as far as it came.
struct Part {
    path: PathBuf,
    file: File,
    had: u64,
}

impl Part {
    fn open(target: &Path, wanted: &Wanted) -> Result<Self, FetchError> {
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let path = target.with_file_name(name);
        let disk = |e: std::io::Error| FetchError::disk(&path, &e);
        let file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(disk)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(FetchError::Busy { path });
            }
            // A file system without locks: two at once would be told by the digest.
            Err(std::fs::TryLockError::Error(_)) => {}
        }
        let had = file.metadata().map_err(disk)?.len();
        let mut part = Self { path, file, had };
        if had > wanted.bytes {
            part.cut()?;
        }
        Ok(part)
    }

    /// From the beginning.
    fn cut(&mut self) -> Result<(), FetchError> {
        self.had = 0;
        let cut = self.file.set_len(0);
        cut.map_err(|e| FetchError::disk(&self.path, &e))
    }

    /// Fetches what is missing; answers the host that it came from.
    async fn filled(
        &mut self,
        url: &Url,
        wanted: &Wanted,
        monitor: &dyn Monitor,
    ) -> Result<Option<String>, FetchError> {
        // Whoever was first has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let secure = url.scheme() == "https";
        let client = Client::builder()
            .user_agent(concat!("sora-director/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            // Where it came from is told, and what came is known by its digest; only what is secret on the way stays so.
            .https_only(secure)
            .redirect(reqwest::redirect::Policy::limited(REDIRECTS))
            .build()
            .map_err(|error| FetchError::Address {
                url: url.to_string(),
                reason: words(&error),
            })?;
        let mut host = None;
        let mut tries = 0;
        while self.had < wanted.bytes {
            let before = self.had;
            let problem = match self.more(&client, url, wanted, monitor).await {
                Ok(from) => {
                    host = from;
                    "the connection ended early".to_owned()
                }
                Err(Trouble::Passing(reason)) => reason,
                Err(Trouble::Lasting(error)) => return Err(error),
            };
            // Whatever brought some of it may bring the rest.
            tries = if self.had > before { 0 } else { tries + 1 };
            if self.had < wanted.bytes && tries >= TRIES {
                return Err(FetchError::Connection {
                    url: url.to_string(),
                    reason: problem,
                    had: self.had,
                    bytes: wanted.bytes,
                });
            }
            if self.had < wanted.bytes {
                pause(tries, monitor).await?;
            }
        }
        Ok(host)
    }

    /// One request for what is missing.
    async fn more(
        &mut self,
        client: &Client,
        url: &Url,
        wanted: &Wanted,
        monitor: &dyn Monitor,
    ) -> Result<Option<String>, Trouble> {
        let mut request = client.get(url.clone());
        if self.had > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.had));
        }
        let mut response = asked(request.send(), monitor)
            .await?
            .map_err(|e| Trouble::Passing(words(&e)))?;
        self.begun(&response, wanted)?;
        let host = response.url().host_str().map(str::to_owned);
        let seek = self.file.seek(SeekFrom::Start(self.had));
        seek.map_err(|e| FetchError::disk(&self.path, &e))?;
        loop {
            let chunk = asked(response.chunk(), monitor)
                .await?
                .map_err(|e| Trouble::Passing(words(&e)))?;
            let Some(chunk) = chunk else {
                return Ok(host);
            };
            if self.had + chunk.len() as u64 > wanted.bytes {
                self.cut()?;
                return Err(other(&response, "it is longer".to_owned()));
            }
            let written = self.file.write_all(&chunk);
            written.map_err(|e| FetchError::disk(&self.path, &e))?;
            self.had += chunk.len() as u64;
            monitor.progress(self.had, wanted.bytes);
        }
    }

    /// Looks at how an answer begins: it goes on where the part ends, or starts anew.
    fn begun(&mut self, response: &Response, wanted: &Wanted) -> Result<(), Trouble> {
        let status = response.status();
        let passing = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
        if passing {
            return Err(Trouble::Passing(format!("the server answered {status}")));
        }
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok());
        if status == StatusCode::RANGE_NOT_SATISFIABLE && self.had > 0 {
            self.cut()?;
            return Err(Trouble::Passing(format!("the server answered {status}")));
        }
        if !status.is_success() {
            return Err(Trouble::Lasting(FetchError::Refused {
                url: response.url().to_string(),
                status,
                hint: match status {
                    StatusCode::NOT_FOUND | StatusCode::GONE => ": it is not there any more",
                    StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                        ": it wants an account, or a proxy is in the way"
                    }
                    _ => "",
                },
            }));
        }
        if header(CONTENT_TYPE).is_some_and(|t| t.starts_with("text/html")) {
            let reason = "it is a page of text, as of a login or a proxy".to_owned();
            return Err(other(response, reason));
        }
        let from = format!("bytes {}-", self.had);
        let goes_on = status == StatusCode::PARTIAL_CONTENT
            && header(CONTENT_RANGE).is_some_and(|range| range.starts_with(&from));
        if !goes_on && self.had > 0 {
            self.cut()?;
        }
        if status == StatusCode::PARTIAL_CONTENT && !goes_on {
            return Err(Trouble::Passing("it answered another part".to_owned()));
        }
        match response.content_length() {
            Some(length) if self.had + length != wanted.bytes => {
                let reason = format!(
                    "it has {} bytes where {} are due",
                    self.had + length,
                    wanted.bytes
                );
                Err(other(response, reason))
            }
            _ => Ok(()),
        }
    }

    /// Gives it its name, if it is what is wanted.
    fn named(mut self, target: &Path, wanted: &Wanted, url: &Url) -> Result<(), FetchError> {
        let disk = |e: std::io::Error| FetchError::disk(&self.path, &e);
        self.file.seek(SeekFrom::Start(0)).map_err(disk)?;
        let sum = crate::hash::sha256_of(&self.file).map_err(disk)?;
        if sum != wanted.sha256 {
            std::fs::remove_file(&self.path).map_err(disk)?;
            return Err(FetchError::Other {
                url: url.to_string(),
                reason: format!(
                    "its sha256 is {sum} where {} is due; it was dropped",
                    wanted.sha256
                ),
            });
        }
        self.file.sync_all().map_err(disk)?;
        std::fs::rename(&self.path, target).map_err(disk)?;
        let folder = target.parent().unwrap_or(Path::new("."));
        crate::files::sync_folder(folder).map_err(|e| FetchError::disk(folder, &e))
    }
}

/// Why one request did not bring all.
enum Trouble {
    /// Another try may help.
    Passing(String),
    /// None will.
    Lasting(FetchError),
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

fn other(response: &Response, reason: String) -> Trouble {
    Trouble::Lasting(FetchError::Other {
        url: response.url().to_string(),
        reason,
    })
}

/// Waits for it, and asks meanwhile whether to stop.
async fn asked<T>(work: impl Future<Output = T>, monitor: &dyn Monitor) -> Result<T, FetchError> {
    let mut work = std::pin::pin!(work);
    loop {
        if monitor.stopped() {
            return Err(FetchError::Interrupted);
        }
        if let Ok(done) = tokio::time::timeout(ASK, &mut work).await {
            return Ok(done);
        }
    }
}

/// Half a second, and twice as long with each try.
async fn pause(tries: u32, monitor: &dyn Monitor) -> Result<(), FetchError> {
    let wait = Duration::from_millis(250) * 2u32.pow(tries);
    asked(tokio::time::sleep(wait), monitor).await
}

/// An error with its causes: reqwest's own words are "error sending request".
fn words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = inner.to_string();
        cause = inner.source();
    }
    words
}
