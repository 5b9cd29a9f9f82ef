declare const __WXPAY_VERSION__: string;
