/**
 * A disk that does to its user what disks do: any disk, wrapped; the same file in the simulator and in a real process.
 *
 * Appended bytes are held back until they are synced (`held-writes.ts`), so that killing the process loses what a power
 * loss would; an append therefore completes at once, possibly before the call returns. Everything else, failures
 * included, completes later. Operations start in order; while one is delayed ("slow") or held (`holdNextSync`), later
 * ones wait behind it. Faults that need something to spoil (a held write to tear or lose, a stored byte to flip) wait
 * until there is something, so that they are never inert on a disk in use.
 *
 * A failed sync does one of two things to the bytes it should have stored, by a coin, as the operating systems of
 * Rebello et al. 2020 ("Can applications recover from fsync failures?") do: they are gone at once, or they stay visible
 * to every read until the power is lost, and a later sync reports success without storing them. Where the base cannot
 * model the second (a real disk), it is always the first. A full disk takes nothing, or a strict prefix.
 *
 * After a power loss nothing completes any more: the host must end the node's life in `onPowerLoss`.
 */

import { assert } from "../foundation/assert.ts";
import { DiskError } from "../foundation/effects.ts";
import type { Clock, Completion, Disk, Random } from "../foundation/effects.ts";
import type { DiskFault, Efficacy, FaultHandle } from "../foundation/faults.ts";
import { ActiveDiskFaults, efficacyOf } from "./active-disk-faults.ts";
import type { ActiveFault } from "./active-disk-faults.ts";
import type { CorruptibleDisk } from "./corruptible-disk.ts";
import { HeldWrites, joined } from "./held-writes.ts";
import type { HeldWrite } from "./held-writes.ts";
import { OperationLine } from "./operation-line.ts";

export interface FaultyDiskOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The power is gone; gets what the fault did, since in a real process there is no later moment to ask. */
  readonly onPowerLoss: (efficacy: Efficacy) => void;
}

/** What became of writes that were handed to the base; filled in by the time a later operation completes. */
interface WriteOutcome {
  error: DiskError | undefined;
  appendedBytes: number;
}

export class FaultyDisk implements Disk {
  readonly #base: CorruptibleDisk;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onPowerLoss: (efficacy: Efficacy) => void;
  readonly #faults = new ActiveDiskFaults();
  readonly #held = new HeldWrites();
  /** Bytes that are synced on the base, as far as this life has seen the file. */
  readonly #syncedLengths = new Map<string, number>();
  readonly #line = new OperationLine((isSync, proceed) => this.#isInTheWay(isSync, proceed));
  readonly #holds = new Map<number, ((resume: () => void) => void)[]>();
  #syncs = 0;

  constructor(base: CorruptibleDisk, { clock, random, onPowerLoss }: FaultyDiskOptions) {
    this.#base = base;
    this.#clock = clock;
    this.#random = random;
    this.#onPowerLoss = onPowerLoss;
  }

  /** What a power loss, or the end of the process, would lose now. */
  get unsyncedBytes(): number {
    return this.#held.totalBytes;
  }

  /** File syncs started so far, those that failed included. */
  get syncs(): number {
    return this.#syncs;
  }

  /** Begins a fault. Faults that strike once end by themselves. */
  inject(fault: DiskFault): FaultHandle {
    const { entry, handle } = this.#faults.add(fault);
    if (fault.kind === "lost-sync" && this.#held.totalBytes > 0) this.#loseHeld(entry);
    if (fault.kind === "bit-flip") this.#flipBit();
    return handle;
  }

  /**
   * Calls `hold` before the `count`-th file sync (1-based, since construction) takes effect; the sync, and all that was
   * issued after it, goes on when `resume` is called. Never, when that sync has already started.
   */
  holdNextSync(count: number, hold: (resume: () => void) => void): void {
    if (count <= this.#syncs) return;
    this.#holds.set(count, [...(this.#holds.get(count) ?? []), hold]);
  }

  list(done: Completion<readonly string[]>): void {
    this.#submit(done, (complete) => {
      const heldNames = this.#held.names();
      this.#base.list((error, names) => {
        if (error !== undefined) return complete(error, names);
        complete(undefined, [...new Set([...names, ...heldNames])].sort());
      });
    });
  }

  read(name: string, done: Completion<Uint8Array>): void {
    this.#submit(done, (complete) => {
      if (this.#faults.strikes("read-error", this.#random)) return this.#failLater(`read ${name}`, complete);
      const written = this.#flush(name);
      this.#base.read(name, (error, bytes) => {
        const failure = written.error ?? error;
        if (failure !== undefined) return complete(failure, bytes);
        this.#syncedLengths.set(name, bytes.length);
        this.#flipBit();
        complete(undefined, bytes);
      });
    });
  }

  append(name: string, chunks: readonly Uint8Array[], done: Completion<void>): void {
    this.#submit(done, (complete) => {
      const full = this.#faults.first("full");
      if (full !== undefined) {
        full.count++;
        this.#holdPrefix(name, chunks);
        return this.#later(() => complete(new DiskError("FULL", `Cannot append to ${name}: no space left`)));
      }
      if (this.#writeFails(`append to ${name}`, complete)) return;
      this.#held.hold(name, chunks, this.#isMisdirected(name));
      complete(undefined);
    });
  }

  sync(name: string, done: Completion<void>): void {
    const start = (complete: Completion<void>): void => {
      this.#syncs++;
      const torn = this.#faults.first("torn-write");
      if (torn !== undefined && this.#held.bytesOf(name) > 0) return this.#tear(torn, name);
      const lost = this.#faults.first("lost-sync");
      if (lost !== undefined && this.#held.totalBytes > 0) return this.#loseHeld(lost);
      if (this.#writeFails(`sync ${name}`, complete)) {
        return this.#failToStore(name);
      }
      const written = this.#flush(name);
      this.#base.sync(name, (error) => {
        const failure = written.error ?? error;
        if (failure !== undefined) return complete(failure);
        this.#syncedLengths.set(name, (this.#syncedLengths.get(name) ?? 0) + written.appendedBytes);
        this.#flipBit();
        complete(undefined);
      });
    };
    this.#submit(done, start, true);
  }

  truncate(name: string, lengthBytes: number, done: Completion<void>): void {
    this.#submit(done, (complete) => {
      if (this.#writeFails(`truncate ${name}`, complete)) return;
      const written = this.#flush(name);
      this.#base.truncate(name, lengthBytes, (error) => complete(written.error ?? error));
      this.#syncedLengths.set(name, Math.min(lengthBytes, this.#syncedLengths.get(name) ?? 0));
    });
  }

  rename(from: string, to: string, done: Completion<void>): void {
    this.#submit(done, (complete) => {
      if (this.#writeFails(`rename ${from}`, complete)) return;
      const written = this.#flush(from);
      this.#held.take(to);
      this.#base.rename(from, to, (error) => complete(written.error ?? error));
      this.#syncedLengths.set(to, this.#syncedLengths.get(from) ?? 0);
      this.#syncedLengths.delete(from);
    });
  }

  remove(name: string, done: Completion<void>): void {
    this.#submit(done, (complete) => {
      if (this.#writeFails(`remove ${name}`, complete)) return;
      const written = this.#flush(name); // Held bytes may be all there is of the file.
      this.#base.remove(name, (error) => complete(written.error ?? error));
      this.#syncedLengths.delete(name);
    });
  }

  syncDirectory(done: Completion<void>): void {
    this.#submit(done, (complete) => {
      if (this.#writeFails("sync the directory", complete)) return;
      this.#base.syncDirectory((error) => complete(error));
    });
  }

  #submit<T>(done: Completion<T>, operation: (complete: Completion<T>) => void, isSync = false): void {
    this.#line.submit(isSync, done, operation);
  }

  #isInTheWay(isSync: boolean, proceed: () => void): boolean {
    const extraMs = this.#faults.extraMs();
    const holds = isSync ? this.#takeHolds() : [];
    if (extraMs === 0 && holds.length === 0) return false;
    if (extraMs > 0) this.#clock.after(extraMs, () => throughAll(holds, proceed));
    else throughAll(holds, proceed);
    return true;
  }

  #takeHolds(): readonly ((resume: () => void) => void)[] {
    const count = this.#syncs + 1;
    const holds = this.#holds.get(count) ?? [];
    this.#holds.delete(count);
    return holds;
  }

  #later(callback: () => void): void {
    this.#clock.after(0, callback);
  }

  #failLater<T>(action: string, complete: Completion<T>): void {
    this.#later(() => complete(new DiskError("IO", `Cannot ${action}: injected I/O error`), undefined as T));
  }

  #writeFails(action: string, complete: Completion<void>): boolean {
    const fails = this.#faults.strikes("write-error", this.#random);
    if (fails) this.#failLater(action, complete);
    return fails;
  }

  /** As operating systems do, which mark what they failed to store as clean: the next sync does not try again. */
  #failToStore(name: string): void {
    const straight = this.#held.take(name).filter(({ misdirected }) => !misdirected);
    if (straight.length === 0 || this.#base.appendUnstorable === undefined || this.#random.below(2) === 0) return;
    this.#base.appendUnstorable(name, [joined(straight)], () => undefined);
  }

  /** A write for which there is too little room may have been done in part. */
  #holdPrefix(name: string, chunks: readonly Uint8Array[]): void {
    const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const kept = bytes === 0 || this.#random.below(2) === 0 ? 0 : this.#random.below(bytes);
    if (kept === 0) return;
    const whole = joined([{ chunks, bytes, misdirected: false }]);
    this.#held.hold(name, [whole.subarray(0, kept)], false);
  }

  /** Hands what is held of `name` to the base. */
  #flush(name: string): WriteOutcome {
    const outcome: WriteOutcome = { error: undefined, appendedBytes: 0 };
    const note: Completion<void> = (error) => {
      outcome.error ??= error;
    };
    let straight: HeldWrite[] = [];
    const appendStraight = (): void => {
      if (straight.length > 0)
        this.#base.append(
          name,
          straight.flatMap(({ chunks }) => chunks),
          note,
        );
      straight = [];
    };
    for (const write of this.#held.take(name)) {
      if (write.misdirected) {
        appendStraight();
        this.#misdirect(name, write, note);
      } else {
        straight.push(write);
        outcome.appendedBytes += write.bytes;
      }
    }
    appendStraight();
    return outcome;
  }

  #isMisdirected(name: string): boolean {
    const entry = this.#faults.first("misdirect");
    if (entry === undefined || (this.#syncedLengths.get(name) ?? 0) === 0) return false;
    this.#faults.end(entry);
    entry.count++;
    return true;
  }

  #misdirect(name: string, write: HeldWrite, done: Completion<void>): void {
    const bytes = joined([write]);
    const synced = this.#syncedLengths.get(name) ?? 0;
    const room = Math.max(0, synced - bytes.length);
    this.#base.overwrite(name, this.#random.below(room + 1), bytes, done);
  }

  /**
   * Stores a strict prefix of what should be synced, then the power is gone. As often as not the file has its new
   * length already, and zeros where the rest should be: file systems may store the one before the other.
   */
  #tear(entry: ActiveFault, name: string): void {
    this.#faults.end(entry);
    const bytes = joined(this.#held.take(name));
    const kept = this.#random.below(bytes.length);
    const stored = this.#random.below(2) === 0 ? bytes.subarray(0, kept) : bytes.slice().fill(0, kept);
    entry.count++;
    const end = (): void => this.#losePower(entry);
    if (stored.length === 0) return this.#later(end);
    this.#base.append(name, [stored], () => undefined);
    this.#base.sync(name, end);
  }

  #loseHeld(entry: ActiveFault): void {
    this.#faults.end(entry);
    entry.count += this.#held.dropAll();
    this.#losePower(entry);
  }

  #losePower(entry: ActiveFault): void {
    this.#held.dropAll();
    this.#line.stop();
    this.#onPowerLoss(efficacyOf(entry));
  }

  /** Flips one bit of what is stored, if a fault asks for it and anything is. */
  #flipBit(): void {
    const entry = this.#faults.first("bit-flip");
    if (entry === undefined) return;
    const stored = [...this.#syncedLengths].filter(([, length]) => length > 0);
    const total = stored.reduce((sum, [, length]) => sum + length, 0);
    if (total === 0) return;
    this.#faults.end(entry);
    let offset = Math.floor(this.#random.float() * total);
    const chosen = stored.find(([, length]) => {
      if (offset < length) return true;
      offset -= length;
      return false;
    });
    assert(chosen !== undefined, "the offset lies in one of the files");
    this.#base.corrupt(chosen[0], offset, 1 << this.#random.below(8), (error) => {
      if (error === undefined) entry.count++;
    });
  }
}

/** Passes one hold after the other, then calls `proceed`. */
function throughAll(holds: readonly ((resume: () => void) => void)[], proceed: () => void): void {
  const [first, ...rest] = holds;
  if (first === undefined) return proceed();
  let isResumed = false;
  first(() => {
    if (isResumed) return;
    isResumed = true;
    throughAll(rest, proceed);
  });
}
