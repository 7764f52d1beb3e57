//! Parts of one run, brought together.

use super::tally::Tally;

impl Tally {
    /// This part of a run and another one as a whole: the parts of one gate, each with its own planned cases.
    ///
    /// A case that both parts saw is one case; a trial that both saw is surplus and counted once too often, which
    /// [`Tally::faults`] reports. Case order is plan order.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        let numbers: Vec<usize> = other.dimensions.iter().map(|name| self.number(name)).collect();
        self.planned.cases += other.planned.cases;
        self.surplus += other.surplus;
        self.corrupt += other.corrupt;
        self.trials += other.trials;
        self.lenient += other.lenient;
        for case in other.cases {
            let mut theirs = case.clone();
            theirs.dimensions.clear();
            for (from, running) in case.dimensions.into_iter().enumerate() {
                *theirs.dimension_mut(numbers[from]) = running;
            }
            let Some(at) = self.at.get(&theirs.id).copied() else {
                self.at.insert(theirs.id.clone(), self.cases.len());
                self.cases.push(theirs);
                continue;
            };
            let own = &mut self.cases[at];
            own.scored += theirs.scored;
            own.unscored += theirs.unscored;
            own.score.merge(theirs.score);
            own.asserts.failed += theirs.asserts.failed;
            own.asserts.open |= theirs.asserts.open;
            own.ranked |= theirs.ranked;
            for (number, running) in theirs.dimensions.into_iter().enumerate() {
                own.dimension_mut(number).merge(running);
            }
            for trial in theirs.trials {
                self.surplus += u64::from(!own.see(trial));
            }
        }
        self.cases.sort_by_key(|case| case.index);
        self.at = self.cases.iter().enumerate().map(|(at, case)| (case.id.clone(), at)).collect();
        for range in other.range.into_iter().flat_map(|(low, high)| [low, high]) {
            let (low, high) = self.range.unwrap_or((range, range));
            self.range = Some((low.min(range), high.max(range)));
        }
        for (reason, theirs) in other.unscored {
            match self.unscored.get_mut(&reason) {
                Some(own) => own.count += theirs.count,
                None => {
                    self.unscored.insert(reason, theirs);
                }
            }
        }
        self.asserts.merge(other.asserts);
        self.refusals.refused += other.refusals.refused;
        self.refusals.known += other.refusals.known;
        self.refusals.open += other.refusals.open;
        self.retrieval.merge(other.retrieval);
        self.calls.merge(other.calls);
        self.tested.sum += other.tested.sum;
        self.tested.unpriced += other.tested.unpriced;
        self.tested.unreported += other.tested.unreported;
        self.tested.unanswered += other.tested.unanswered;
        self.worst.merge(other.worst);
        self
    }
}
