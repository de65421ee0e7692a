//! What a server announces: one record for each service that it offers something under.

use std::collections::BTreeMap;

use super::definition::Definition;
use super::handler::Facts;
use crate::codec::Outline;
use crate::registry::{Endpoint, Node, Service, Value};

/// What is the same for all services of one server.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) address: String,
    pub(crate) version: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

/// One record for each service name that `definitions` offer something under.
pub(crate) fn records(definitions: &[Definition], identity: &Identity) -> Vec<Service> {
    let mut services: Vec<Service> = Vec::new();
    for definition in definitions {
        let place = services
            .iter()
            .position(|service| service.name == definition.name)
            .unwrap_or_else(|| {
                services.push(empty(definition, identity));
                services.len() - 1
            });
        let service = &mut services[place];
        service.metadata.extend(definition.metadata.clone());
        if !definition.version.is_empty() {
            service.version = definition.version.to_string();
        }
        service.endpoints.extend(endpoints(definition));
    }
    services
}

fn empty(definition: &Definition, identity: &Identity) -> Service {
    Service {
        name: definition.name.to_string(),
        version: identity.version.clone(),
        metadata: BTreeMap::new(),
        endpoints: Vec::new(),
        nodes: vec![Node {
            id: format!("{}-{}", definition.name, identity.id),
            address: identity.address.clone(),
            metadata: identity.metadata.clone(),
        }],
    }
}

/// What is announced of the endpoints and subscribers of `definition`.
pub(super) fn endpoints(definition: &Definition) -> impl Iterator<Item = Endpoint> {
    let handlers = definition.endpoints.iter().map(|(name, handler)| Endpoint {
        name: name.to_string(),
        request: handler.facts.request.clone().map(value),
        response: handler.facts.response.clone().map(value),
        metadata: facts(&handler.facts),
    });
    let subscribers = definition.subscribers.iter().map(|subscriber| Endpoint {
        name: subscriber.topic.to_string(),
        request: subscriber.event.clone().map(value),
        response: None,
        metadata: BTreeMap::from([
            ("subscriber".to_owned(), "true".to_owned()),
            ("topic".to_owned(), subscriber.topic.to_string()),
        ]),
    });
    handlers.chain(subscribers)
}

fn facts(facts: &Facts) -> BTreeMap<String, String> {
    let types: Vec<&str> = facts.content_types.iter().map(|own| own.as_str()).collect();
    let mut pairs = BTreeMap::from([("content_types".to_owned(), types.join(","))]);
    let flags = [
        ("stream", facts.streams),
        ("idempotent", facts.idempotent),
        ("blocking", facts.blocking),
    ];
    pairs.extend(
        flags
            .into_iter()
            .filter(|(_, set)| *set)
            .map(|(name, _)| (name.to_owned(), "true".to_owned())),
    );
    // Nanoseconds, as the `Timeout` header.
    pairs.extend(
        facts
            .timeout
            .map(|timeout| ("timeout".to_owned(), timeout.as_nanos().to_string())),
    );
    if !facts.description.is_empty() {
        pairs.insert("description".to_owned(), facts.description.to_owned());
    }
    pairs
}

fn value(outline: Outline) -> Value {
    let Outline { name, kind, values } = outline;
    Value {
        name,
        kind,
        values: values.into_iter().map(value).collect(),
    }
}
