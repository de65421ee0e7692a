//! Endpoint name → handler, for every service of one server.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::definition::Definition;
use super::handler::Handler;
use crate::error::{Error, Result};

/// The handlers of one server; fixed once it is built.
#[derive(Debug, Default)]
pub(crate) struct Router {
    services: HashMap<Cow<'static, str>, HashMap<Cow<'static, str>, Handler>>,
}

impl Router {
    /// Adds what `definition` offers; definitions of one name are joined.
    ///
    /// # Errors
    ///
    /// `conflict` if two handlers have one name, `unsupported` if one can be called in no content type.
    pub(crate) fn add(&mut self, definition: &Definition) -> Result<()> {
        let endpoints = self.services.entry(definition.name.clone()).or_default();
        for (name, handler) in &definition.endpoints {
            if handler.facts.content_types.is_empty() {
                let detail = format!(
                    "the request and the reply of {name} of {} have no content type in common: \
                     annotate both with `#[micro::message]`",
                    definition.name
                );
                return Err(Error::unsupported("micro.server", detail));
            }
            match endpoints.entry(name.clone()) {
                Entry::Vacant(place) => drop(place.insert(handler.clone())),
                Entry::Occupied(_) => {
                    let detail = format!(
                        "two handlers of {} are called {name}: rename one",
                        definition.name
                    );
                    return Err(Error::conflict("micro.server", detail));
                }
            }
        }
        Ok(())
    }

    /// The handler of `endpoint`; an empty service means any that has it.
    ///
    /// # Errors
    ///
    /// `not_found` naming the nearest, marked as never reached: a caller may know another node that has it.
    pub(crate) fn find(&self, service: &str, endpoint: &str) -> Result<&Handler> {
        let found = if service.is_empty() {
            self.services
                .values()
                .find_map(|endpoints| endpoints.get(endpoint))
        } else {
            let Some(endpoints) = self.services.get(service) else {
                let detail = miss("service", service, self.services.keys());
                return Err(Error::not_found("micro.server", detail).never_reached());
            };
            endpoints.get(endpoint)
        };
        found.ok_or_else(|| {
            let known = self
                .services
                .iter()
                .filter(|(name, _)| service.is_empty() || **name == service);
            let detail = miss(
                "endpoint",
                endpoint,
                known.flat_map(|(_, endpoints)| endpoints.keys()),
            );
            Error::not_found(
                if service.is_empty() {
                    "micro.server".to_owned()
                } else {
                    service.to_owned()
                },
                detail,
            )
        })
    }
}

/// What is said of a name that is not there.
fn miss<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a Cow<'static, str>>) -> String {
    let nearest = known
        .map(|own| (strsim::normalized_damerau_levenshtein(own, name), own))
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((likeness, own)) if likeness > 0.5 => {
            format!("there is no {kind} {name} here: did you mean {own}?")
        }
        Some((_, own)) => format!("there is no {kind} {name} here, but there is {own}"),
        None => format!("there is no {kind} {name} here"),
    }
}
