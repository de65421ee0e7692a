//! What a service tells of itself to callers in other languages.

use super::Service;
use crate::codec::ProtoFile;
use crate::error::Result;
use crate::flags;
use crate::server;

impl Service {
    /// The proto files of what is handled, one for each name of a service, for callers in other languages.
    ///
    /// A program that was started with `--print_proto` prints them in place of serving.
    ///
    /// # Errors
    ///
    /// `bad_request` if a service has no name, or none that can be one.
    pub fn proto_files(mut self) -> Result<Vec<ProtoFile>> {
        self.settle_definitions()?;
        Ok(server::proto_files(&self.definitions))
    }

    /// What `--print_proto` does.
    pub(super) fn print_proto<T>(self) -> Result<T> {
        let files = self.proto_files()?;
        let texts: Vec<_> = files.iter().map(ToString::to_string).collect();
        flags::print_and_exit(&texts.join("\n"))
    }
}
