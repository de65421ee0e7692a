//! Endpoint name → handler, for every service of one server.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::definition::Definition;
use super::handler::Handler;
use crate::codec::package_name;
use crate::error::{Error, Result};

/// The handlers of one server; fixed once it is built.
#[derive(Debug, Default)]
pub(crate) struct Router {
    /// In order, so that who names no service gets the same answer from every process.
    services: BTreeMap<Name, Endpoints>,
    /// What every server has of its own, for who names it.
    standard: BTreeMap<Name, Endpoints>,
}

type Name = Cow<'static, str>;
type Endpoints = HashMap<Name, Handler>;

/// A handler, and the names that it is registered under.
pub(crate) struct Found<'a> {
    pub(crate) service: &'a Name,
    pub(crate) endpoint: &'a Name,
    pub(crate) handler: &'a Handler,
}

impl<'a> Found<'a> {
    fn of((service, endpoints): (&'a Name, &'a Endpoints), endpoint: &str) -> Option<Self> {
        let (endpoint, handler) = endpoints.get_key_value(endpoint)?;
        Some(Self {
            service,
            endpoint,
            handler,
        })
    }
}

impl Router {
    /// Adds what `definition` offers; definitions of one name are joined.
    ///
    /// # Errors
    ///
    /// `conflict` if two handlers have one name, `unsupported` if one can be called in no content type.
    pub(crate) fn add(&mut self, definition: &Definition) -> Result<()> {
        Self::place(&mut self.services, definition)
    }

    /// Adds what `definition` offers to who names its service, unless a service of that name is [added](Self::add).
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub(crate) fn add_standard(&mut self, definition: &Definition) -> Result<()> {
        Self::place(&mut self.standard, definition)
    }

    fn place(services: &mut BTreeMap<Name, Endpoints>, definition: &Definition) -> Result<()> {
        let endpoints = services.entry(definition.name.clone()).or_default();
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

    /// The service that has `endpoint`: the one that prints its messages in the proto package `package`, or else the first.
    pub(crate) fn locate<'a>(&'a self, package: &str, endpoint: &str) -> Option<&'a Name> {
        let having = |services: &'a BTreeMap<Name, Endpoints>| {
            let having = services.iter();
            let having = having.filter(|(_, own)| own.contains_key(endpoint));
            having.map(|(name, _)| name)
        };
        let is_named = |name: &&Name| **name == package || package_name(name) == package;
        let mut named = having(&self.services).chain(having(&self.standard));
        let named = named.find(is_named);
        named.or_else(|| having(&self.services).next())
    }

    /// The handler of `endpoint`; an empty service means any that has it.
    ///
    /// # Errors
    ///
    /// `not_found` naming the nearest; for a service marked as never reached, since its node has moved.
    pub(crate) fn find(&self, service: &str, endpoint: &str) -> Result<Found<'_>> {
        let found = if service.is_empty() {
            let mut all = self.services.iter();
            all.find_map(|own| Found::of(own, endpoint))
        } else {
            let own = self.services.get_key_value(service);
            let Some(own) = own.or_else(|| self.standard.get_key_value(service)) else {
                let detail = miss("service", service, self.services.keys());
                return Err(Error::not_found("micro.server", detail).never_reached());
            };
            Found::of(own, endpoint)
        };
        found.ok_or_else(|| {
            let known = self
                .services
                .iter()
                .chain(self.standard.iter().filter(|_| !service.is_empty()))
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

/// The longest name that is shown, and compared with others, in characters.
const LONGEST: usize = 100;

/// What is said of a name that is not there.
fn miss<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a Cow<'static, str>>) -> String {
    let end = name.char_indices().nth(LONGEST);
    let name = end.map_or(name, |(end, _)| &name[..end]);
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

#[cfg(test)]
mod tests {
    use super::{LONGEST, Router};
    use crate::codec::Plain;
    use crate::context::Context;
    use crate::error::Error;
    use crate::server::{Definition, unary};

    #[test]
    fn of_services_that_have_an_endpoint_the_first_by_name_answers_who_names_none() {
        // A map in no order would pass a few of these by chance.
        for _ in 0..20 {
            let mut router = Router::default();
            for name in ["b", "a", "c"] {
                router.add(&definition(name)).unwrap();
            }

            assert_eq!(router.find("", "X.Y").ok().unwrap().service, "a");
        }
    }

    fn definition(service: &'static str) -> Definition {
        let same = unary(async |_: Context, _: Plain<()>| Ok::<_, Error>(Plain(())));
        Definition::new(service).endpoint("X.Y", same)
    }

    #[test]
    fn a_standard_service_answers_only_who_names_it() {
        let mut router = Router::default();
        router.add_standard(&definition("a")).unwrap();
        router.add(&definition("b")).unwrap();

        assert_eq!(router.find("", "X.Y").ok().unwrap().service, "b");
        assert_eq!(router.find("a", "X.Y").ok().unwrap().service, "a");
        assert_eq!(router.locate("", "X.Y").unwrap(), "b");
        assert_eq!(router.locate("a", "X.Y").unwrap(), "a");
    }

    #[test]
    fn a_service_stands_before_the_standard_one_of_its_name() {
        let mut router = Router::default();
        router.add_standard(&definition("a")).unwrap();
        router.add(&Definition::new("a")).unwrap();

        assert!(router.find("a", "X.Y").is_err());
    }

    #[test]
    fn a_name_as_long_as_a_head_is_not_shown_whole() {
        let name = "x".repeat(1 << 16);

        let error = Router::default().find("", &name).err().unwrap();

        assert!(error.detail().len() < LONGEST + 100);
    }
}
