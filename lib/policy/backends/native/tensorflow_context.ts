/**
 * A place in which TensorFlow executes operations one by one, and the devices it sees.
 *
 * @module
 */

import { type TensorflowLibrary, textAt } from "./tensorflow_library.ts";

/** A device of TensorFlow's. */
export interface TensorflowDevice {
  /** Its name, such as `/job:localhost/replica:0/task:0/device:CPU:0`. */
  readonly name: string;
  /** Its kind, such as `CPU` or `GPU`. */
  readonly kind: string;
}

/** `ConfigProto { device_count { key: "GPU" value: 0 } }`: graphics processors stay unused. */
const NO_GPU = Uint8Array.of(10, 7, 10, 3, 71, 80, 85, 16, 0);
/** `ConfigProto { gpu_options { allow_growth: true } }`: memory is taken when it is needed. */
const GROW = Uint8Array.of(50, 2, 32, 1);

/** Executes operations; lives as long as the program, as the tensors of a backend do. */
export class TensorflowContext {
  /** The library it belongs to. */
  readonly library: TensorflowLibrary;
  /** What native code calls it. */
  readonly pointer: Deno.PointerValue;
  /** Where native code writes the status of a call. */
  readonly status: Deno.PointerValue;

  /**
   * Opens a context.
   *
   * @param library TensorFlow.
   * @param options `gpu` says whether graphics processors may be used.
   * @throws {TypeError} If TensorFlow refuses.
   */
  constructor(library: TensorflowLibrary, options: { gpu: boolean }) {
    const { symbols } = library;
    this.library = library;
    this.status = symbols.TF_NewStatus();
    const wishes = symbols.TFE_NewContextOptions();
    const config = options.gpu ? GROW : NO_GPU;
    symbols.TFE_ContextOptionsSetConfig(
      ...[wishes, config, BigInt(config.length), this.status] as const,
    );
    this.check("configure TensorFlow");
    this.pointer = symbols.TFE_NewContext(wishes, this.status);
    symbols.TFE_DeleteContextOptions(wishes);
    this.check("open a context of TensorFlow");
  }

  /**
   * Makes sure that the last call went well.
   *
   * @param action What was tried, in words that follow "Cannot".
   * @throws {TypeError} If it did not; the message holds TensorFlow's.
   */
  check(action: string): void {
    const { symbols } = this.library;
    if (symbols.TF_GetCode(this.status) === 0) return;
    const message = textAt(symbols.TF_Message(this.status));
    throw new TypeError(
      `Cannot ${action} as TensorFlow must accept it: ${message}`,
    );
  }

  /**
   * Lists what operations can be executed on.
   *
   * @returns Every device, the processor first.
   * @throws {TypeError} If TensorFlow cannot say.
   */
  devices(): TensorflowDevice[] {
    const { symbols } = this.library;
    const list = symbols.TFE_ContextListDevices(this.pointer, this.status);
    this.check("list devices");
    const devices: TensorflowDevice[] = [];
    for (let i = 0; i < symbols.TF_DeviceListCount(list); i++) {
      const name = textAt(symbols.TF_DeviceListName(list, i, this.status));
      const kind = textAt(symbols.TF_DeviceListType(list, i, this.status));
      devices.push({ name, kind });
    }
    symbols.TF_DeleteDeviceList(list);
    return devices;
  }
}
