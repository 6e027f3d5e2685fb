/**
 * The program of a pod's pause container: a whole static ELF file of some 230 bytes, put together by hand for x86-64
 * and for arm64. It ignores SIGCHLD, so that the kernel reaps what a pod with a shared process namespace leaves
 * behind, blocks all signals and waits for them one by one; SIGTERM and SIGINT end it with code 0.
 *
 *   rt_sigaction(SIGCHLD, {SIG_IGN, SA_NOCLDWAIT}, NULL, 8)
 *   rt_sigprocmask(SIG_BLOCK, ~0, NULL, 8)
 *   do signal = rt_sigtimedwait(~0, NULL, NULL, 8) while (signal != SIGINT && signal != SIGTERM)
 *   exit_group(0)
 *
 * A first process has no default actions, so a plain pause() would neither end on SIGTERM nor reap.
 */

const base = 0x400000n;
const headersSize = 0x78;
/** struct sigaction of the kernel: handler SIG_IGN (1), flags SA_NOCLDWAIT (2), no restorer, empty mask. */
const actionAt = headersSize;
const actionSize = 32;
/** All signals. */
const maskAt = actionAt + actionSize;
const codeAt = maskAt + 8;

/** The program as a file, for a machine as docker names it: "x86_64", "amd64", "aarch64" or "arm64". */
export function pauseProgram(architecture: string): Buffer {
  const machine = machines[architecture];
  if (machine === undefined) throw new Error(`there is no pause program for the architecture ${architecture}`);
  const file = Buffer.alloc(codeAt + machine.code.length);
  writeHeaders(file, machine.number);
  file.writeBigUInt64LE(1n, actionAt);
  file.writeBigUInt64LE(2n, actionAt + 8);
  file.fill(0xff, maskAt, maskAt + 8);
  machine.code.copy(file, codeAt);
  return file;
}

function writeHeaders(file: Buffer, machine: number): void {
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file); // ELF, 64 bits, little-endian, version 1
  file.writeUInt16LE(2, 0x10); // ET_EXEC
  file.writeUInt16LE(machine, 0x12);
  file.writeUInt32LE(1, 0x14);
  file.writeBigUInt64LE(base + BigInt(codeAt), 0x18); // entry
  file.writeBigUInt64LE(0x40n, 0x20); // program headers
  file.writeUInt16LE(0x40, 0x34);
  file.writeUInt16LE(0x38, 0x36);
  file.writeUInt16LE(1, 0x38);
  // The one program header: the whole file, to be read and run.
  file.writeUInt32LE(1, 0x40); // PT_LOAD
  file.writeUInt32LE(5, 0x44); // R + X
  file.writeBigUInt64LE(base, 0x50);
  file.writeBigUInt64LE(base, 0x58);
  file.writeBigUInt64LE(BigInt(file.length), 0x60);
  file.writeBigUInt64LE(BigInt(file.length), 0x68);
  file.writeBigUInt64LE(0x10000n, 0x70); // aligned for pages of 64 KiB too
}

const action = Number(base) + actionAt;
const mask = Number(base) + maskAt;

// biome-ignore format: one instruction a line
const x86 = Buffer.from([
  0xbf, 17, 0, 0, 0,            // mov edi, SIGCHLD
  0xbe, ...word(action),        // mov esi, action
  0x31, 0xd2,                   // xor edx, edx
  0x41, 0xba, 8, 0, 0, 0,       // mov r10d, 8
  0xb8, 13, 0, 0, 0,            // mov eax, rt_sigaction
  0x0f, 0x05,                   // syscall
  0x31, 0xff,                   // xor edi, edi (SIG_BLOCK)
  0xbe, ...word(mask),          // mov esi, mask
  0x31, 0xd2,                   // xor edx, edx
  0x41, 0xba, 8, 0, 0, 0,       // mov r10d, 8
  0xb8, 14, 0, 0, 0,            // mov eax, rt_sigprocmask
  0x0f, 0x05,                   // syscall
  // wait: 32 bytes up to the jump's end
  0xbf, ...word(mask),          // mov edi, mask
  0x31, 0xf6,                   // xor esi, esi
  0x31, 0xd2,                   // xor edx, edx
  0x41, 0xba, 8, 0, 0, 0,       // mov r10d, 8
  0xb8, 128, 0, 0, 0,           // mov eax, rt_sigtimedwait
  0x0f, 0x05,                   // syscall
  0x83, 0xf8, 2,                // cmp eax, SIGINT
  0x74, 5,                      // je end
  0x83, 0xf8, 15,               // cmp eax, SIGTERM
  0x75, 256 - 32,               // jne wait
  // end:
  0x31, 0xff,                   // xor edi, edi
  0xb8, 231, 0, 0, 0,           // mov eax, exit_group
  0x0f, 0x05,                   // syscall
]);

const svc = 0xd4000001;
// biome-ignore format: one instruction a line
const arm64 = Buffer.from([
  movz(0, 17),                              // x0 = SIGCHLD
  movz(1, action & 0xffff), movk16(1, action >>> 16),
  movz(2, 0),
  movz(3, 8),
  movz(8, 134),                             // rt_sigaction
  svc,
  movz(0, 0),                               // SIG_BLOCK
  movz(1, mask & 0xffff), movk16(1, mask >>> 16),
  movz(2, 0),
  movz(3, 8),
  movz(8, 135),                             // rt_sigprocmask
  svc,
  // wait:
  movz(0, mask & 0xffff), movk16(0, mask >>> 16),
  movz(1, 0),
  movz(2, 0),
  movz(3, 8),
  movz(8, 137),                             // rt_sigtimedwait
  svc,
  0x7100001f | (2 << 10),                   // cmp w0, SIGINT
  0x54000000 | (3 << 5),                    // b.eq end
  0x7100001f | (15 << 10),                  // cmp w0, SIGTERM
  0x54000001 | ((-10 & 0x7ffff) << 5),      // b.ne wait
  // end:
  movz(0, 0),
  movz(8, 94),                              // exit_group
  svc,
].flatMap(word));

const machines: Readonly<Record<string, { number: number; code: Buffer }>> = {
  x86_64: { number: 62, code: x86 },
  amd64: { number: 62, code: x86 },
  aarch64: { number: 183, code: arm64 },
  arm64: { number: 183, code: arm64 },
};

function movz(register: number, value: number): number {
  return 0xd2800000 | (value << 5) | register;
}

/** Bits 16 to 31. */
function movk16(register: number, value: number): number {
  return 0xf2a00000 | (value << 5) | register;
}

function word(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
}
