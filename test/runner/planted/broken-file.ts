throw new Error('the planted error while loading');
