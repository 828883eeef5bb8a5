//! Whether the nearest neighbours of embeddings are of their class.

use super::distance::Distance;
use super::search::{Vectors, centre, check, compare};
use crate::data::Labels;
use cornu_graph::{Array, Error, Result};
use std::collections::HashMap;
use std::thread;

/// The options of an evaluation of embeddings by their nearest neighbours; ends with
/// [`Retrieval::run`].
///
/// Each embedding is a query to all others (never to itself), or, with [`Retrieval::references`],
/// to another set. The search is exact; neighbours at equal distance come in the order of their
/// rows. Distances are computed in `float32`.
///
/// ```
/// use cornu::prelude::*;
/// use cornu::similarity::{Distance, Retrieval};
///
/// let embeddings = Array::new([5, 1], vec![0.0f32, 0.2, 1.0, 1.1, 0.1])?;
/// let report = Retrieval::new(&embeddings, &[0, 0, 1, 1, 1])
///     .distance(Distance::Euclidean)
///     .recall_at([1, 2])
///     .run()?;
/// // The nearest to 0.0, 0.2 and 0.1 are of the other class.
/// assert_eq!(report.precision_at_1, 2.0 / 5.0);
/// assert_eq!(report.recall_at(2), Some(4.0 / 5.0));
/// # Ok::<(), cornu::Error>(())
/// ```
#[must_use = "nothing is compared until .run() is called"]
#[derive(Clone, Debug)]
pub struct Retrieval {
    queries: Array,
    classes: Result<Vec<i64>>,
    references: Option<(Array, Result<Vec<i64>>)>,
    distance: Distance,
    ks: Vec<usize>,
}

/// How well embeddings find their class: means over the queries.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetrievalReport {
    /// For each k the part of the queries that have at least one of their class among the k
    /// nearest.
    pub recall: Vec<(usize, f64)>,
    /// The part of the queries whose nearest is of their class.
    pub precision_at_1: f64,
    /// The part of their class among the R nearest, with R as many as the class has.
    pub r_precision: f64,
    /// The mean over the R nearest of the precision up to each that is of the class (0 for others):
    /// unlike the R-precision it sees their order. (Musgrave, Belongie and Lim, "A metric learning
    /// reality check", 2020.)
    pub map_at_r: f64,
    /// How many queries the means are of.
    pub queries: usize,
    /// How many queries were left out because no other is of their class.
    pub alone: usize,
}

impl RetrievalReport {
    /// The recall at k, if it was asked for.
    pub fn recall_at(&self, k: usize) -> Option<f64> {
        self.recall.iter().find(|(at, _)| *at == k).map(|(_, recall)| *recall)
    }
}

impl Retrieval {
    /// Embeddings `(n, d)` and their classes. Defaults: Euclidean distance, recall at 1, 5 and 10.
    pub fn new(embeddings: &Array, classes: &(impl Labels + ?Sized)) -> Retrieval {
        Retrieval {
            queries: embeddings.clone(),
            classes: classes.to_labels(),
            references: None,
            distance: Distance::Euclidean,
            ks: vec![1, 5, 10],
        }
    }

    /// Another set to search in, `(m, d)`, with its classes.
    pub fn references(mut self, embeddings: &Array, classes: &(impl Labels + ?Sized)) -> Retrieval {
        self.references = Some((embeddings.clone(), classes.to_labels()));
        self
    }

    /// How distances are taken. Squared ones give the same neighbours.
    pub fn distance(mut self, distance: Distance) -> Retrieval {
        self.distance = distance;
        self
    }

    /// The numbers of neighbours to give the recall for.
    pub fn recall_at(mut self, ks: impl IntoIterator<Item = usize>) -> Retrieval {
        self.ks = ks.into_iter().collect();
        self
    }

    /// Compares.
    ///
    /// # Errors
    /// If shapes or numbers do not fit, an embedding is not finite, a k is 0, all are of one class,
    /// or no query has another of its class.
    pub fn run(self) -> Result<RetrievalReport> {
        if self.ks.contains(&0) {
            return Err(Error::value("recall at 0 neighbours says nothing; k starts at 1"));
        }
        let classes = self.classes?;
        check_set("embeddings", &self.queries, &classes)?;
        let (references, reference_classes, itself) = match self.references {
            None => (self.queries.clone(), classes.clone(), true),
            Some((embeddings, classes)) => {
                let classes = classes?;
                check_set("references", &embeddings, &classes)?;
                (embeddings, classes, false)
            }
        };
        if references.shape()[1] != self.queries.shape()[1] {
            return Err(Error::shape(format!(
                "embeddings of {} numbers cannot be compared with references of {}",
                self.queries.shape()[1],
                references.shape()[1]
            )));
        }
        let centre = centre(&references)?;
        let queries = Vectors::new(&self.queries, self.distance, &centre)?;
        let vectors = Vectors::new(&references, self.distance, &centre)?;
        let judge = Judge::new(&classes, &reference_classes, itself, self.ks)?;
        let mut totals = Totals::new(judge.ks.len());
        compare(&queries, &vectors, |first, likeness| {
            totals.add(&judge.block(first, likeness));
            Ok(())
        })?;
        Ok(judge.report(totals))
    }
}

fn check_set(what: &str, embeddings: &Array, classes: &[i64]) -> Result<()> {
    check(what, embeddings)?;
    if embeddings.rows() != classes.len() {
        return Err(Error::data(format!(
            "{} {what} but {} classes",
            embeddings.rows(),
            classes.len()
        )));
    }
    if u32::try_from(classes.len()).is_err() {
        return Err(Error::data(format!("there can be at most {} {what}", u32::MAX)));
    }
    Ok(())
}

/// Sums over queries.
struct Totals {
    hits: Vec<usize>,
    first: usize,
    r_precision: f64,
    map_at_r: f64,
    queries: usize,
    alone: usize,
}

impl Totals {
    fn new(ks: usize) -> Totals {
        let hits = vec![0; ks];
        Totals { hits, first: 0, r_precision: 0.0, map_at_r: 0.0, queries: 0, alone: 0 }
    }

    fn add(&mut self, other: &Totals) {
        self.hits.iter_mut().zip(&other.hits).for_each(|(a, b)| *a += b);
        self.first += other.first;
        self.r_precision += other.r_precision;
        self.map_at_r += other.map_at_r;
        self.queries += other.queries;
        self.alone += other.alone;
    }
}

/// Judges rows of likenesses.
struct Judge<'a> {
    classes: &'a [i64],
    references: &'a [i64],
    /// How many references each class has.
    sizes: HashMap<i64, usize>,
    /// Whether the queries are the references, and not to be compared with themselves.
    itself: bool,
    ks: Vec<usize>,
    most: usize,
}

impl<'a> Judge<'a> {
    fn new(
        classes: &'a [i64],
        references: &'a [i64],
        itself: bool,
        ks: Vec<usize>,
    ) -> Result<Judge<'a>> {
        let mut sizes = HashMap::new();
        references.iter().for_each(|&class| *sizes.entry(class).or_insert(0) += 1);
        if sizes.len() < 2 {
            return Err(Error::data("all are of one class: every neighbour is right"));
        }
        let most = ks.iter().copied().max().unwrap_or(1);
        let judge = Judge { classes, references, sizes, itself, ks, most };
        if classes.iter().all(|&class| judge.partners(class) == 0) {
            return Err(Error::data("no embedding has another of its class to find"));
        }
        Ok(judge)
    }

    /// How many there are to find.
    fn partners(&self, class: i64) -> usize {
        let all = self.sizes.get(&class).copied().unwrap_or(0);
        all.saturating_sub(usize::from(self.itself))
    }

    /// The sums of a block of queries, shared between threads; in the order of the queries, so that
    /// the number of threads changes nothing.
    fn block(&self, first: usize, likeness: &[f32]) -> Totals {
        let rows = likeness.len() / self.references.len();
        let threads = thread::available_parallelism().map_or(1, usize::from).min(rows);
        let share = rows.div_ceil(threads);
        let parts = likeness.chunks(share * self.references.len()).enumerate();
        let mut found: Vec<Option<Found>> = Vec::with_capacity(rows);
        thread::scope(|scope| {
            let handles: Vec<_> = parts
                .map(|(part, rows)| scope.spawn(move || self.part(first + part * share, rows)))
                .collect();
            for handle in handles {
                found.extend(handle.join().expect("judging does not panic"));
            }
        });
        let mut totals = Totals::new(self.ks.len());
        for found in found {
            match found {
                None => totals.alone += 1,
                Some(found) => found.count(&self.ks, &mut totals),
            }
        }
        totals
    }

    fn part(&self, first: usize, likeness: &[f32]) -> Vec<Option<Found>> {
        let mut keys = Vec::with_capacity(self.references.len());
        let rows = likeness.chunks_exact(self.references.len()).enumerate();
        rows.map(|(i, row)| self.row(first + i, row, &mut keys)).collect()
    }

    fn row(&self, query: usize, likeness: &[f32], keys: &mut Vec<u64>) -> Option<Found> {
        let class = self.classes[query];
        let partners = self.partners(class);
        if partners == 0 {
            return None;
        }
        keys.clear();
        keys.extend(likeness.iter().enumerate().map(|(i, &x)| key(x, i)));
        if self.itself {
            keys.swap_remove(query);
        }
        let wanted = partners.max(self.most).min(keys.len());
        if wanted < keys.len() {
            keys.select_nth_unstable(wanted - 1);
        }
        let nearest = &mut keys[..wanted];
        nearest.sort_unstable();
        let is_right = |key: &u64| self.references[*key as u32 as usize] == class;
        Some(Found::new(partners, nearest.iter().map(is_right)))
    }

    fn report(&self, totals: Totals) -> RetrievalReport {
        let queries = totals.queries as f64;
        let recalls = totals.hits.iter().map(|&hits| hits as f64 / queries);
        RetrievalReport {
            recall: self.ks.iter().copied().zip(recalls).collect(),
            precision_at_1: totals.first as f64 / queries,
            r_precision: totals.r_precision / queries,
            map_at_r: totals.map_at_r / queries,
            queries: totals.queries,
            alone: totals.alone,
        }
    }
}

/// Sorts like the likeness, the largest first, and equal ones by their place, which it holds.
fn key(likeness: f32, place: usize) -> u64 {
    // -0 becomes 0.
    let bits = (likeness + 0.0).to_bits();
    // The bits of floats sort like their numbers, but for the negative ones, which are reversed.
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!ascending) << 32 | place as u64
}

/// What one query found.
struct Found {
    /// The place of the first that is right, from 0.
    first: Option<usize>,
    r_precision: f64,
    map_at_r: f64,
}

impl Found {
    fn new(partners: usize, right: impl Iterator<Item = bool>) -> Found {
        let (mut first, mut hits, mut precisions) = (None, 0usize, 0.0);
        for (place, _) in right.enumerate().filter(|(_, right)| *right) {
            first.get_or_insert(place);
            if place >= partners {
                break;
            }
            hits += 1;
            precisions += hits as f64 / (place + 1) as f64;
        }
        let partners = partners as f64;
        Found { first, r_precision: hits as f64 / partners, map_at_r: precisions / partners }
    }

    fn count(&self, ks: &[usize], totals: &mut Totals) {
        let within = |k: usize| usize::from(self.first.is_some_and(|place| place < k));
        ks.iter().zip(&mut totals.hits).for_each(|(&k, hits)| *hits += within(k));
        totals.first += within(1);
        totals.r_precision += self.r_precision;
        totals.map_at_r += self.map_at_r;
        totals.queries += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_by_likeness_then_place() {
        let likeness = [1.0f32, -0.0, 0.0, -2.0, 3.0, 1.0];
        let mut keys: Vec<u64> = likeness.iter().enumerate().map(|(i, &x)| key(x, i)).collect();
        keys.sort_unstable();
        let places: Vec<u32> = keys.iter().map(|&key| key as u32).collect();
        assert_eq!(places, [4, 0, 5, 1, 2, 3]);
    }

    #[test]
    fn figures_of_one_query() {
        // Three to find: right, wrong, right, wrong, right.
        let found = Found::new(3, [true, false, true, false, true].into_iter());
        assert_eq!(found.first, Some(0));
        assert_eq!(found.r_precision, 2.0 / 3.0);
        assert_eq!(found.map_at_r, (1.0 + 2.0 / 3.0) / 3.0);
    }
}
