/** The part of svg-to-pdfkit 0.1.8 that the charts use; the package has no declarations of its own. */
declare module "svg-to-pdfkit" {
  export default function SVGtoPDF(
    document: PDFKit.PDFDocument,
    svg: string,
    xPt: number,
    yPt: number,
    options: {
      /** Whether a number without a unit is a point; otherwise it is a CSS pixel. */
      readonly assumePt: boolean;
      /** Returns the registered name of the font. */
      readonly fontCallback: (family: string, bold: boolean, italic: boolean) => string;
      readonly warningCallback?: (message: string) => void;
    },
  ): void;
}
