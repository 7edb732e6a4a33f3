/** What a node's core did in its life, for people and reports; nothing is decided by it. */

export class Counts {
  preVotesStarted = 0;
  electionsStarted = 0;
  electionsWon = 0;
  stepDowns = 0;
  entriesProposed = 0;
  appendRequestsSent = 0;
  appendRequestsRefused = 0;
  readRounds = 0;
  leaseReads = 0;
  handovers = 0;
  configurationsProposed = 0;
  snapshotsSent = 0;
  snapshotChunksSent = 0;
  snapshotsReceived = 0;
  snapshotsTooLarge = 0;

  /** The counts by the names reports show. */
  named(): Readonly<Record<string, number>> {
    return {
      "pre-votes started": this.preVotesStarted,
      "elections started": this.electionsStarted,
      "elections won": this.electionsWon,
      "leaders stepped down": this.stepDowns,
      "entries proposed": this.entriesProposed,
      "append requests sent": this.appendRequestsSent,
      "append requests refused": this.appendRequestsRefused,
      "read rounds": this.readRounds,
      "lease reads": this.leaseReads,
      "handovers begun": this.handovers,
      "configurations proposed": this.configurationsProposed,
      "snapshots sent": this.snapshotsSent,
      "snapshot chunks sent": this.snapshotChunksSent,
      "snapshots received": this.snapshotsReceived,
      "snapshots too large": this.snapshotsTooLarge,
    };
  }
}
